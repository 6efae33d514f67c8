package main

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"time"

	"github.com/penstock-vpn/penstock/host/internal/esp"
	"github.com/penstock-vpn/penstock/host/internal/packet"
	"github.com/penstock-vpn/penstock/host/internal/testlab/soak/door"
	"github.com/penstock-vpn/penstock/host/internal/tun"
)

const (
	espHook  = "penstock-soak-esp"
	espSuite = "aes128gcm16"

	rekeyEvery = 10 * time.Second
	rekeyGrace = time.Second
)

// overESP watches a process of this program that is both ends.
func overESP(ctx context.Context, watch func(context.Context, subject) error) error {
	dir, err := os.MkdirTemp("", "penstock-soak-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	program, err := os.Executable()
	if err != nil {
		return err
	}
	s := subject{door: filepath.Join(dir, "door.sock")}
	cmd := exec.Command(program, espHook)
	cmd.Env = append(os.Environ(), door.Socket+"="+s.door)
	cmd.Stderr = os.Stderr
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL, Setpgid: true}
	if err := cmd.Start(); err != nil {
		return err
	}
	ended := make(chan error, 1)
	go func() { ended <- errors.Join(errors.New("the process ended"), cmd.Wait()) }()
	s.pid, s.ended = cmd.Process.Pid, ended
	err = watch(ctx, s)
	return errors.Join(err, cmd.Process.Kill())
}

// espInit turns the process into both ends when it was started as that.
func espInit() {
	if len(os.Args) != 2 || os.Args[1] != espHook {
		return
	}
	fmt.Fprintln(os.Stderr, espHook, flow())
	os.Exit(1)
}

// flow moves packets both ways, and keys the pair anew, until that fails.
func flow() error {
	k := &keys{suite: esp.SuiteNamed(espSuite)}
	p := newPair()
	p.quiet()
	if err := p.joinESP(k); err != nil {
		return err
	}
	for _, end := range p.kernel {
		go send(end)
		go receive(end)
	}
	for range time.Tick(rekeyEvery) {
		if err := p.rekey(k, time.After(rekeyGrace)); err != nil {
			return err
		}
	}
	return nil
}

// batch is what a kernel would hand over together.
const batch = 32

// vector is packets of IPv4 as long as fit.
func vector() [][]byte {
	vec := make([][]byte, batch)
	for i := range vec {
		b := make([]byte, inner)
		b[0], b[8], b[9] = 0x45, 64, 17
		binary.BigEndian.PutUint16(b[2:], inner)
		vec[i] = b
	}
	return vec
}

func send(end *tun.Channel) {
	for vec := vector(); ; {
		if _, err := end.Write(vec, 0); err != nil {
			return
		}
	}
}

func receive(end *tun.Channel) {
	bufs, sizes := packet.NewBuffers(end.BatchSize()), make([]int, end.BatchSize())
	for {
		n, err := end.Read(bufs, sizes, 0)
		if err != nil {
			return
		}
		moved := 0
		for _, size := range sizes[:n] {
			moved += size
		}
		door.Moved.Add(uint64(moved))
	}
}
