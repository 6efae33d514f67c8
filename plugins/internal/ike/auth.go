package ike

// AuthMethod says how an AUTH payload was made.
type AuthMethod uint8

// The methods, RFC 7296 section 3.8, RFC 4754 and RFC 7427.
const (
	AuthRSA       AuthMethod = 1 // PKCS #1 v1.5 with SHA-1
	AuthSharedKey AuthMethod = 2
	AuthECDSA256  AuthMethod = 9
	AuthECDSA384  AuthMethod = 10
	AuthECDSA521  AuthMethod = 11
	AuthSignature AuthMethod = 14 // the data names the algorithm
)

// AuthData is an AUTH payload.
type AuthData struct {
	Method AuthMethod
	Data   []byte
}

// Type implements Payload.
func (*AuthData) Type() PayloadType { return TypeAuth }

func (a *AuthData) append(b []byte) []byte {
	return append(append(b, byte(a.Method), 0, 0, 0), a.Data...)
}

func parseAuth(b []byte) (*AuthData, error) {
	if len(b) < 4 {
		return nil, malformed("%d bytes", len(b))
	}
	return &AuthData{AuthMethod(b[0]), b[4:]}, nil
}
