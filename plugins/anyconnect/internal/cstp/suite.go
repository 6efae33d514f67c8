package cstp

// pskNegotiate is the cipher suite that is none: a whole DTLS handshake with a key
// taken from the TLS connection.
const pskNegotiate = "PSK-NEGOTIATE"

// Suite is a DTLS 1.2 cipher suite for a resumed session.
type Suite struct {
	Name   string // in the header
	IANA   string
	Twelve bool // offered in X-DTLS12-CipherSuite
}

// Suites are all that this client offers, best first: authenticated encryption only.
var Suites = []Suite{
	{"ECDHE-RSA-AES256-GCM-SHA384", "TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384", true},
	{"ECDHE-RSA-AES128-GCM-SHA256", "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256", true},
	{"AES256-GCM-SHA384", "TLS_RSA_WITH_AES_256_GCM_SHA384", true},
	{"AES128-GCM-SHA256", "TLS_RSA_WITH_AES_128_GCM_SHA256", true},
	{"OC-DTLS1_2-AES256-GCM", "TLS_RSA_WITH_AES_256_GCM_SHA384", false},
	{"OC-DTLS1_2-AES128-GCM", "TLS_RSA_WITH_AES_128_GCM_SHA256", false},
}

func findSuite(name string, twelve bool) (Suite, bool) {
	for _, s := range Suites {
		if s.Name == name && s.Twelve == twelve {
			return s, true
		}
	}
	return Suite{}, false
}
