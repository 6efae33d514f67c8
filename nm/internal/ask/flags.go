package ask

// FlagsSuffix after a secret's key is the key of its flags in vpn.data.
const FlagsSuffix = "-flags"

// Flags are NMSettingSecretFlags.
type Flags uint8

// How NetworkManager keeps a secret.
const (
	AgentOwned  Flags = 1
	NotSaved    Flags = 2
	NotRequired Flags = 4
)

// FlagsOf are those of the secret key in a connection's vpn.data; known says whether
// it has any.
func FlagsOf(data map[string]string, key string) (f Flags, known bool) {
	word, known := data[key+FlagsSuffix]
	if len(word) == 1 && word[0] >= '0' && word[0] <= '7' {
		f = Flags(word[0] - '0')
	}
	return f, known
}

// ByAgent says whether agents are to have the secret.
func (f Flags) ByAgent() bool { return f&(AgentOwned|NotSaved) != 0 && f&NotRequired == 0 }
