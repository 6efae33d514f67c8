package dataplane

// turn is a mutex that can be given up on: its holder may block in a write for as
// long as the gateway does not read.
type turn chan struct{}

func newTurn() turn { return make(turn, 1) }

// take waits for the turn; it is false when stop was closed first.
func (t turn) take(stop <-chan struct{}) bool {
	select {
	case t <- struct{}{}:
		return true
	case <-stop:
		return false
	}
}

func (t turn) give() { <-t }
