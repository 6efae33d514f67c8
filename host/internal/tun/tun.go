// Package tun holds the TUN backends behind one vector interface: with offload,
// packet by packet, a socket that a program holds the other end of, and a channel pair
// for tests.
package tun

// Device moves IP packets in vectors. One goroutine may read while another
// writes. It is the read and write part of golang.zx2c4.com/wireguard/tun.Device.
type Device interface {
	// Read fills bufs[i][offset:] with packets and sizes[i] with their lengths, and
	// returns how many. It blocks for the first one only.
	Read(bufs [][]byte, sizes []int, offset int) (int, error)
	// Write sends each bufs[i][offset:]. The 10 bytes before offset may be
	// overwritten, and what lies behind a packet up to its capacity: a packet with
	// capacity takes up those of the same flow that follow it. An error says that
	// some packets were not taken; the device is usable unless it is os.ErrClosed.
	Write(bufs [][]byte, offset int) (int, error)
	// BatchSize is the number of bufs that Read wants.
	BatchSize() int
	// Name is the interface's name.
	Name() string
	// SetMTU sets the interface's MTU, in bytes.
	SetMTU(mtu int) error
	// Close removes the device; a blocked Read returns os.ErrClosed.
	Close() error
}
