package esp

import "github.com/penstock-vpn/penstock/host/internal/replay"

const windowBits = 2048 // how far a packet may come late

// window is the anti-replay window of RFC 4303 section 3.4.3. It takes the number 0
// although the first is 1: OpenConnect begins with it.
type window struct {
	replay.Window[[windowBits/64 + 1]uint64]
}

// begin takes no number below first from now on.
func (w *window) begin(first uint64) {
	for n := first - min(first, windowBits); n < first; n++ {
		w.Commit(n)
	}
}

// extend finds the upper half of an extended sequence number by its lower one (RFC
// 4303 appendix A2.2): the number nearest to the window, which may span two
// subspaces of 2^32.
//
//	        top        bottom
//	|------[=====]------------|   bottom = top - windowBits + 1
//	              older: it belongs to the next subspace
//
//	|===]-----------------[===|   the window spans two subspaces
//	   top              bottom    above bottom: it belongs to the one before
func (w *window) extend(low uint32) uint64 {
	if w.Next == 0 {
		return uint64(low)
	}
	top := w.Next - 1
	number := top>>32<<32 | uint64(low)
	bottom := uint32(top) - windowBits + 1 // wraps when the window spans two
	switch spans := uint32(top) < windowBits-1; {
	case !spans && low < bottom:
		number += 1 << 32
	case spans && low >= bottom && number >= 1<<32:
		number -= 1 << 32
	}
	return number
}
