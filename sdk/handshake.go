package sdk

// What host and plugin agree on before the first message, in go-plugin's words.
// The cookie only tells a plugin started by a host from one started by a person;
// it protects nothing.
const (
	// MagicCookieKey is the environment variable that holds MagicCookieValue.
	MagicCookieKey = "PENSTOCK_PLUGIN"
	// MagicCookieValue is public and never changes.
	MagicCookieValue = "f2f0c6a4-2d2e-4ddb-9d53-6f1b7a0d8c35"
	// ProtocolVersion is the major version of the contract, plugin.proto's `v1`.
	ProtocolVersion = 1
	// EnvFD is the environment variable with the number of the descriptor socket, a
	// connected SOCK_SEQPACKET unix socket. The host sends each transport's plaintext
	// end over it: four bytes, the transport's number big-endian, with exactly one
	// descriptor as SCM_RIGHTS.
	EnvFD = "PENSTOCK_FD"
)
