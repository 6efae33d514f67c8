package esp

import "github.com/penstock-vpn/penstock/host/internal/packet"

// The next headers of tunnel mode (IANA protocol numbers).
const (
	nextIPv4  = 4
	nextIPv6  = 41
	nextDummy = 59 // RFC 4303 section 2.6
)

// nextHeader is what pkt is sealed as; 0 when it is no IP packet.
func nextHeader(pkt []byte) byte {
	switch packet.Version(pkt) {
	case 4:
		return nextIPv4
	case 6:
		return nextIPv6
	}
	return 0
}

// inner judges a payload and returns the length of the IP packet in it. What
// follows that is padding against traffic analysis (RFC 4303 section 2.7).
func inner(payload []byte, next byte) (int, Verdict) {
	if next == nextDummy {
		return 0, Dummy
	}
	if n := packet.Len(payload); n > 0 && next == nextHeader(payload) {
		return n, Good
	}
	return 0, NotIP
}
