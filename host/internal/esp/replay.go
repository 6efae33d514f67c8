package esp

const (
	windowBits  = 2048 // how far a packet may come late
	windowWords = windowBits/64 + 1
)

// window is the anti-replay window of RFC 4303 section 3.4.3, as a ring of bits
// (RFC 6479). The zero value is ready.
type window struct {
	next uint64 // one above the highest number committed
	ring [windowWords]uint64
}

// fresh says whether number was neither seen nor fell out of the window. The number
// 0 is taken although the first is 1: OpenConnect begins with it.
func (w *window) fresh(number uint64) bool {
	if number >= w.next {
		return true
	}
	if w.next-number > windowBits {
		return false
	}
	return w.ring[number/64%windowWords]&(1<<(number%64)) == 0
}

// commit marks number as seen. Call it only for an authentic packet that is fresh.
func (w *window) commit(number uint64) {
	if number >= w.next {
		w.advance(number)
	}
	w.ring[number/64%windowWords] |= 1 << (number % 64)
}

// advance clears the words that number's makes new.
func (w *window) advance(number uint64) {
	newest := number / 64
	oldest := uint64(0)
	if w.next > 0 {
		oldest = (w.next-1)/64 + 1
	}
	if newest >= windowWords && oldest < newest-windowWords+1 {
		oldest = newest - windowWords + 1
	}
	for word := oldest; word <= newest; word++ {
		w.ring[word%windowWords] = 0
	}
	w.next = number + 1
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
	if w.next == 0 {
		return uint64(low)
	}
	top := w.next - 1
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
