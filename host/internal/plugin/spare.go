package plugin

import (
	"sync/atomic"

	"github.com/penstock-vpn/penstock/host/internal/plugin/sandbox"
)

// spare is a sandbox made ahead, for the next Start. Its namespaces take the kernel
// as long as all else that a start needs.
var spare atomic.Pointer[pending]

type pending struct {
	done  chan struct{}
	stage *sandbox.Stage
	err   error
}

// Warm begins to make the sandbox of the next Start. One that nobody takes ends with
// this process.
func Warm() {
	p := &pending{done: make(chan struct{})}
	if !spare.CompareAndSwap(nil, p) {
		return
	}
	go func() {
		defer close(p.done)
		p.stage, p.err = sandbox.NewStage()
	}()
}

// newStage takes the spare one, or makes one.
func newStage() (*sandbox.Stage, error) {
	p := spare.Swap(nil)
	if p == nil {
		return sandbox.NewStage()
	}
	<-p.done
	return p.stage, p.err
}
