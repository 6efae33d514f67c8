package endpoint

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/penstock-vpn/penstock/host/internal/testlab"
)

// Program is a gateway that this executable becomes when it is started with two
// arguments: the program's name and a file that holds a C.
type Program[C any] struct {
	Name  string
	Serve func(C) error // returns when the gateway cannot go on
}

// Init turns the process into the gateway when it was started as one, and then never
// returns.
func (p Program[C]) Init() {
	if len(os.Args) != 3 || os.Args[1] != p.Name {
		return
	}
	var c C
	text, err := os.ReadFile(os.Args[2])
	if err == nil {
		err = json.Unmarshal(text, &c)
	}
	if err == nil {
		err = p.Serve(c)
	}
	fmt.Fprintln(os.Stderr, err)
	os.Exit(1)
}

// Start starts the gateway on a machine and waits until it listens on a TCP port.
func (p Program[C]) Start(m *testlab.Machine, c C, port int) (*testlab.Process, error) {
	program, err := os.Executable()
	if err != nil {
		return nil, err
	}
	text, err := json.Marshal(c)
	if err != nil {
		return nil, err
	}
	config := filepath.Join(m.Dir, p.Name+".json")
	if err := os.WriteFile(config, text, 0o600); err != nil {
		return nil, err
	}
	process, err := m.Start(testlab.Command{Args: []string{program, p.Name, config}})
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	err = testlab.Await(ctx, p.Name+" to listen", func() bool { return ended(process) || m.Listens(port) })
	if err == nil && ended(process) {
		err = fmt.Errorf("%s did not start: %s", p.Name, process.Tail(20))
	}
	return process, err
}

func ended(p *testlab.Process) bool {
	select {
	case <-p.Done():
		return true
	default:
		return false
	}
}
