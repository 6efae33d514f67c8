package esp

import "encoding/binary"

// Verdict is what became of a packet.
type Verdict uint8

// The verdicts. Open gives the first five, a Wire all of them.
const (
	Good       Verdict = iota
	Malformed          // too short, no multiple of a block, or too long for its buffer
	Replayed           // seen before, or too old to tell
	Forged             // not authentic
	Expired            // its SA, or the one to seal it with, reached its hard limit
	UnknownSPI         // no SA of that SPI
	Dummy              // made to hide traffic (next header 59)
	NotIP              // holds no IP packet
	Foreign            // holds no datagram between the two ports
	NoSA               // there was none to seal it with
	Keepalive          // keeps a NAT's mapping
	verdicts
)

var verdictNames = [verdicts]string{"good", "malformed", "replayed", "forged", "expired",
	"unknown SPI", "dummy", "not IP", "foreign", "no SA", "keepalive"}

// String is the verdict in words.
func (v Verdict) String() string { return verdictNames[v] }

// Inbound is an SA that opens. It is used by one goroutine at a time.
type Inbound struct {
	spi       SPI
	suite     *Suite
	transform transform
	esn       bool
	window    window
	life      life
}

// SPI is the SA's.
func (in *Inbound) SPI() SPI { return in.spi }

// Suite is the SA's.
func (in *Inbound) Suite() *Suite { return in.suite }

// Age is how far the SA's life has come.
func (in *Inbound) Age() Age { return in.life.age() }

// Open decrypts an ESP packet of this SA into dst, which lies apart from pkt, or
// begins where pkt's encrypted part does. It needs room for padding and trailer. n is
// the payload's length when the verdict is Good. What the padding holds is not looked
// at: it is authentic, and not all senders count it up.
func (in *Inbound) Open(dst, pkt []byte) (n int, next byte, v Verdict) {
	size := len(pkt) - in.suite.Front() - in.suite.ICV
	if size < in.suite.Block || size%in.suite.Block != 0 || size > len(dst) {
		return 0, 0, Malformed
	}
	if in.life.over() {
		return 0, 0, Expired
	}
	low := binary.BigEndian.Uint32(pkt[4:])
	number := uint64(low)
	if in.esn {
		number = in.window.extend(low)
	}
	if !in.window.Fresh(number) {
		return 0, 0, Replayed
	}
	dst = dst[:size:size]
	if !in.transform.open(dst, pkt, number) {
		return 0, 0, Forged
	}
	in.window.Commit(number)
	n = size - trailerSize - int(dst[size-2])
	in.life.spend(max(n, 0))
	if n < 0 {
		return 0, 0, Malformed
	}
	return n, dst[size-1], Good
}
