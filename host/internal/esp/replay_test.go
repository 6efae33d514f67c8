package esp

import (
	"math/rand/v2"
	"testing"
)

// naive is the window as RFC 4303 section 3.4.3 tells it.
type naive struct {
	seen  map[uint64]bool
	right uint64
}

func (n *naive) take(number uint64) bool {
	if n.seen[number] || number+windowBits <= n.right {
		return false
	}
	n.seen[number] = true
	n.right = max(n.right, number)
	return true
}

// walk calls f with numbers as a network delivers them: ahead, late, twice, after a gap.
func walk(random *rand.Rand, start uint64, steps int, f func(number uint64)) {
	ahead := start
	for range steps {
		number := ahead
		switch random.IntN(20) {
		case 0:
			ahead += random.Uint64N(3 * windowBits)
		case 1, 2, 3, 4:
			number -= min(ahead, random.Uint64N(windowBits+100))
		case 5:
			number -= min(ahead, windowBits-2+random.Uint64N(5))
		default:
			ahead++
		}
		f(number)
	}
}

func TestWindowIsAsTheNaiveOne(t *testing.T) {
	starts := []uint64{0, 1, 63, windowBits - 1, windowBits, 1<<32 - 5000, 1<<40 + 17}
	for seed := range uint64(40) {
		random := rand.New(rand.NewPCG(seed, 1))
		start := starts[seed%uint64(len(starts))]
		w, n := &window{}, naive{seen: map[uint64]bool{}}
		walk(random, start, 5000, func(number uint64) {
			got, want := w.Fresh(number), n.take(number)
			if got != want {
				t.Fatalf("seed %d: %d with %d at the right: %v, want %v", seed, number, n.right, got, want)
			}
			if got {
				w.Commit(number)
			}
		})
	}
}

// at is a window that next was not yet seen in, and nothing before it.
func at(next uint64) *window {
	w := &window{}
	w.Next = next
	return w
}

// The upper half of a number is found for all that the window can judge, and for all
// that are less than 2^32 - windowBits ahead.
func TestUpperHalfIsFound(t *testing.T) {
	starts := []uint64{0, 1, 5000, 1<<32 - 9000, 1 << 32, 7<<32 - 3000, 7<<32 - 1, 1<<63 - 4000}
	for seed := range uint64(80) {
		random := rand.New(rand.NewPCG(seed, 2))
		start := starts[seed%uint64(len(starts))]
		w, n := at(start), naive{seen: map[uint64]bool{}, right: max(start, 1) - 1}
		walk(random, start, 5000, func(number uint64) {
			if number+windowBits <= n.right {
				return // too old: it is taken for a number ahead, and is not authentic
			}
			if got := w.extend(uint32(number)); got != number {
				t.Fatalf("seed %d: %d with %d at the right became %d", seed, number, n.right, got)
			}
			if got, want := w.Fresh(number), n.take(number); number >= start && got != want {
				t.Fatalf("seed %d: %d with %d at the right: %v, want %v", seed, number, n.right, got, want)
			} else if got {
				w.Commit(number)
			}
		})
	}
}

func TestUpperHalfOfTheFarthest(t *testing.T) {
	for _, right := range []uint64{windowBits - 1, windowBits, 1<<32 + 5, 1<<32 + windowBits - 2, 1<<32 + windowBits - 1, 5<<32 - 1, 5<<32 + windowBits} {
		w := at(right + 1)
		for _, number := range []uint64{right + 1, right + 1<<31, right + 1<<32 - windowBits} {
			if got := w.extend(uint32(number)); got != number {
				t.Errorf("%d with %d at the right became %d", number, right, got)
			}
		}
	}
	if w := at(3); w.extend(1<<32-1) != 1<<32-1 {
		t.Error("there is no subspace before the first")
	}
}
