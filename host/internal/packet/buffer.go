// Package packet knows just enough of IP and TCP for a datapath: buffers that
// leave room for headers and tags, the length of a packet, checksums and the TCP
// MSS clamp. Nothing in it allocates after the buffers are made.
package packet

// Headroom is what every packet buffer keeps free in front of the packet, in
// bytes: a frame header (framing.MaxHeader, 32), a DTLS record header (13) and an
// explicit nonce or IV (at most 16). A TUN with offload needs 10 of it.
const Headroom = 64

// Tailroom is what every packet buffer keeps free behind the longest packet, in
// bytes: an AEAD tag, or a MAC with padding (at most 48+16).
const Tailroom = 64

// MaxSize is the length of the longest IP packet, in bytes.
const MaxSize = 65535

// BufferSize is the length of a buffer from NewBuffers. It is not a byte more than
// the longest packet needs: a TUN with offload merges packets at Headroom as long as
// Headroom is left behind them, and one of 65536 bytes has no length that IPv4 can say.
const BufferSize = Headroom + MaxSize + Tailroom

// stride is from one buffer to the next, in bytes: aligned, and no multiple of a page,
// so that the heads of neighbours do not share cache sets.
const stride = (BufferSize + 63) &^ 63

// NewBuffers returns n buffers of BufferSize bytes in one allocation. Each can
// hold the longest packet at Headroom, and as many coalesced segments as one GRO
// packet carries; memory that no packet reached is never touched.
func NewBuffers(n int) [][]byte {
	slab := make([]byte, n*stride)
	bufs := make([][]byte, n)
	for i := range bufs {
		bufs[i] = slab[i*stride:][:BufferSize:BufferSize]
	}
	return bufs
}
