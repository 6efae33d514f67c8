// Package door lets a soak look into a process: what it holds of memory and
// goroutines. Only programs that a soak builds aside have it.
package door

import (
	"encoding/json"
	"net"
	"os"
	"runtime"
	"sync/atomic"
	"time"
)

// Socket is the environment variable that names the socket to listen at.
const Socket = "PENSTOCK_SOAK_DOOR"

// State is what the process holds now.
type State struct {
	Heap       uint64 // bytes that are in use after a garbage collection
	Goroutines int
	Moved      uint64 // bytes, see Moved
}

// Moved is for processes that count by themselves what they move.
var Moved atomic.Uint64

func init() {
	if name := os.Getenv(Socket); name != "" {
		if l, err := net.Listen("unix", name); err == nil {
			go serve(l)
		}
	}
}

func serve(l net.Listener) {
	for {
		c, err := l.Accept()
		if err != nil {
			return
		}
		var m runtime.MemStats
		runtime.GC()
		runtime.ReadMemStats(&m)
		_ = json.NewEncoder(c).Encode(State{m.HeapAlloc, runtime.NumGoroutine(), Moved.Load()})
		_ = c.Close()
	}
}

// Look asks a process that listens at name.
func Look(name string) (s State, err error) {
	c, err := net.DialTimeout("unix", name, 5*time.Second)
	if err != nil {
		return s, err
	}
	defer func() { _ = c.Close() }()
	if err := c.SetDeadline(time.Now().Add(10 * time.Second)); err != nil {
		return s, err
	}
	return s, json.NewDecoder(c).Decode(&s)
}
