package plugin

import (
	"os"
	"sync"
	"sync/atomic"

	"github.com/penstock-vpn/penstock/host/internal/plugin/sandbox"
	"github.com/penstock-vpn/penstock/host/internal/registry"
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

// ready is a program copied and verified ahead, for the next Start.
var ready atomic.Pointer[program]

type program struct {
	exec, sum string
	seal      func() (*os.File, error) // once
}

func newProgram(m registry.Manifest) *program {
	return &program{m.Exec, m.SHA256, sync.OnceValues(func() (*os.File, error) {
		return sandbox.Seal("penstock-"+m.Name, func(f *os.File) error { return m.Copy(f) })
	})}
}

// Verify begins to copy and verify the program of the next Start, if it will be m's.
func Verify(m registry.Manifest) {
	p := newProgram(m)
	if ready.CompareAndSwap(nil, p) {
		go p.seal() //nolint:errcheck // Start asks again
	}
}

// sealOf takes what Verify began, when it is m's program, or begins.
func sealOf(m registry.Manifest) func() (*os.File, error) {
	p := ready.Swap(nil)
	if p == nil || p.exec != m.Exec || p.sum != m.SHA256 {
		p = newProgram(m)
	}
	go p.seal() //nolint:errcheck // the runner asks again; meanwhile go-plugin makes its certificate
	return p.seal
}
