package dtls

const (
	windowBits  = 1024 // how far a record may come late
	windowWords = windowBits/64 + 1
)

// window is the anti-replay window of RFC 6347 section 4.1.2.6, as a ring of bits
// (RFC 6479). The zero value is ready.
type window struct {
	next uint64 // one above the highest number committed
	ring [windowWords]uint64
}

// fresh says whether number was neither seen nor fell out of the window.
func (w *window) fresh(number uint64) bool {
	if number >= w.next {
		return true
	}
	if w.next-number > windowBits {
		return false
	}
	return w.ring[number/64%windowWords]&(1<<(number%64)) == 0
}

// commit marks number as seen. Call it only for an authenticated record that is fresh.
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
