package vpncscript

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"

	"github.com/penstock-vpn/penstock/host/netcfg"
)

// OpenConnect's --script-tun: a program takes the place of the TUN device. It finds in
// VPNFD the number of a socket for datagrams, each an IP packet, and in its environment
// what a script finds for connect, but no reason. It runs until the connection ends.

// TunnelProgram is such a program.
type TunnelProgram struct {
	cmd    *exec.Cmd
	inode  uint64 // of its socket
	done   chan struct{}
	status error
}

// programFD is the number of the program's descriptor: the first after its outputs.
const programFD = 3

// StartTunnel starts o.Script with the settings c and the socket packets, in a process
// group of its own. The caller closes packets afterwards.
func StartTunnel(o Options, c netcfg.Config, packets *os.File) (*TunnelProgram, error) {
	var st unix.Stat_t
	if err := unix.Fstat(int(packets.Fd()), &st); err != nil {
		return nil, fmt.Errorf("the socket for packets: %w", err)
	}
	p := &TunnelProgram{inode: st.Ino, done: make(chan struct{})}
	a := New(o)
	env := environment("", c, o.PID, a.logLevel())
	p.cmd = exec.Command("/bin/sh", "-c", o.Script)
	p.cmd.Env = append(append(env, "VPNFD="+strconv.Itoa(programFD)), a.o.Environ...)
	p.cmd.Stdin, p.cmd.Stdout, p.cmd.Stderr = os.Stdin, os.Stdout, os.Stderr
	p.cmd.ExtraFiles = []*os.File{packets}
	p.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if err := p.cmd.Start(); err != nil {
		return nil, fmt.Errorf("start the program of --script-tun: %w", err)
	}
	go func() {
		p.status = p.cmd.Wait()
		close(p.done)
	}()
	return p, nil
}

// Wait returns when the program has ended and let go of the socket, with what its shell
// ended with. One that leaves a process in the background with the socket goes on: then
// Wait ends with ctx alone.
func (p *TunnelProgram) Wait(ctx context.Context) error {
	select {
	case <-p.done:
	case <-ctx.Done():
		return context.Cause(ctx)
	}
	if p.held() {
		<-ctx.Done()
		return context.Cause(ctx)
	}
	if p.status != nil {
		return errors.New("the program of --script-tun ended: " + outcome(p.status))
	}
	return errors.New("the program of --script-tun ended")
}

// held says whether somebody still has the program's end of the socket.
func (p *TunnelProgram) held() bool {
	text, err := os.ReadFile("/proc/self/net/unix")
	if err != nil {
		return true // then writing to it will tell
	}
	inode := strconv.FormatUint(p.inode, 10)
	for line := range strings.Lines(string(text)) {
		if fields := strings.Fields(line); len(fields) > 6 && fields[6] == inode {
			return true
		}
	}
	return false
}

// End tells the program's process group to end, as OpenConnect does.
func (p *TunnelProgram) End() { _ = syscall.Kill(-p.cmd.Process.Pid, syscall.SIGHUP) }
