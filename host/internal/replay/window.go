// Package replay is the window by which records and packets that come twice are told
// from those that come late (RFC 4303 section 3.4.3, RFC 6347 section 4.1.2.6).
package replay

// Ring is the memory of a Window: one word more than how many packets late it judges,
// in words of 64.
type Ring interface{ [17]uint64 | [33]uint64 }

// Window is a ring of bits (RFC 6479). The zero value is ready.
type Window[R Ring] struct {
	Next uint64 // one above the highest number committed
	ring R
}

// Bits is how far a number may come late.
func (w *Window[R]) Bits() uint64 { return w.words()*64 - 64 }

func (w *Window[R]) words() uint64 { return uint64(len(w.ring)) }

// Fresh says whether number was neither seen nor fell out of the window.
func (w *Window[R]) Fresh(number uint64) bool {
	if number >= w.Next {
		return true
	}
	if w.Next-number > w.Bits() {
		return false
	}
	return w.ring[number/64%w.words()]&(1<<(number%64)) == 0
}

// Commit marks number as seen. Call it only for what is authentic and fresh.
func (w *Window[R]) Commit(number uint64) {
	if number >= w.Next {
		w.advance(number)
	}
	w.ring[number/64%w.words()] |= 1 << (number % 64)
}

// advance clears the words that number's makes new.
func (w *Window[R]) advance(number uint64) {
	words := w.words()
	newest := number / 64
	oldest := uint64(0)
	if w.Next > 0 {
		oldest = (w.Next-1)/64 + 1
	}
	if newest >= words && oldest < newest-words+1 {
		oldest = newest - words + 1
	}
	for word := oldest; word <= newest; word++ {
		w.ring[word%words] = 0
	}
	w.Next = number + 1
}
