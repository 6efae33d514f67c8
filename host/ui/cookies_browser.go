package ui

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"syscall"
	"time"
)

const (
	maxDevtools   = 32 << 20 // bytes of one message of the browser
	closePatience = 3 * time.Second
)

// cookieBrowser is a browser with a profile of its own that goes away with it. It is
// talked to as --remote-debugging-pipe has it: JSON, a zero byte after each message,
// on its descriptors 3 (to it) and 4 (from it). Nothing listens on the network.
type cookieBrowser struct {
	cmd      *exec.Cmd
	profile  string
	to       *os.File
	messages chan devtoolsMessage // closed when the browser is gone
	waited   chan struct{}        // closed when the process was reaped
	ending   chan struct{}        // closed when nobody reads the messages any more
}

// devtoolsMessage is an event, which has a Method, or the answer to the call ID.
type devtoolsMessage struct {
	ID     devtoolsCall    `json:"id"`
	Method string          `json:"method"`
	Params json.RawMessage `json:"params"`
	Result json.RawMessage `json:"result"`
}

func startCookieBrowser(program string, who desktop) (*cookieBrowser, error) {
	profile, err := browserProfile(who)
	if err != nil {
		return nil, err
	}
	b := &cookieBrowser{profile: profile, messages: make(chan devtoolsMessage, 16), waited: make(chan struct{}), ending: make(chan struct{})}
	if err := b.start(program, who); err != nil {
		_ = os.RemoveAll(profile)
		return nil, err
	}
	return b, nil
}

// browserProfile makes a directory that only the desktop's user can read. Root does
// not make it below a directory of the user's, who could put another in its place.
func browserProfile(who desktop) (string, error) {
	above := ""
	if who.credential == nil {
		above = lookup(who.env, "XDG_RUNTIME_DIR")
	}
	dir, err := os.MkdirTemp(above, "penstock-login-*")
	if err == nil && who.credential != nil {
		err = os.Lchown(dir, int(who.credential.Uid), int(who.credential.Gid))
	}
	return dir, err
}

func (b *cookieBrowser) start(program string, who desktop) error {
	fromUs, to, err := os.Pipe()
	if err != nil {
		return err
	}
	from, toUs, err := os.Pipe()
	if err != nil {
		_, _ = fromUs.Close(), to.Close()
		return err
	}
	b.to = to
	b.cmd = exec.Command(program, "--remote-debugging-pipe", "--user-data-dir="+b.profile, "--password-store=basic",
		"--no-first-run", "--no-default-browser-check", "--disable-background-networking", "--disable-component-update", "--disable-sync",
		"about:blank") // the page is told through the pipe: its address is nobody else's business
	b.cmd.Env, b.cmd.Dir = who.env, "/"
	b.cmd.ExtraFiles = []*os.File{fromUs, toUs}
	b.cmd.SysProcAttr = &syscall.SysProcAttr{Credential: who.credential, Setpgid: true}
	err = b.cmd.Start()
	_, _ = fromUs.Close(), toUs.Close()
	if err != nil {
		_, _ = to.Close(), from.Close()
		return fmt.Errorf("start %s: %w", program, err)
	}
	go b.read(from)
	go func() {
		_ = b.cmd.Wait()
		close(b.waited)
	}()
	return nil
}

// send calls method; the answer comes among the messages, with the same id. That a
// browser is gone is seen there too.
func (b *cookieBrowser) send(id devtoolsCall, session, method string, params map[string]any) {
	call := map[string]any{"id": id, "method": method}
	if params != nil {
		call["params"] = params
	}
	if session != "" {
		call["sessionId"] = session
	}
	if line, err := json.Marshal(call); err == nil {
		_ = b.to.SetWriteDeadline(time.Now().Add(closePatience))
		_, _ = b.to.Write(append(line, 0))
	}
}

func (b *cookieBrowser) read(from *os.File) {
	defer close(b.messages)
	defer from.Close() //nolint:errcheck // only read
	lines := bufio.NewScanner(from)
	lines.Buffer(nil, maxDevtools)
	lines.Split(untilZero)
	for lines.Scan() {
		m, err := parseDevtools(lines.Bytes())
		if err != nil {
			continue
		}
		select {
		case b.messages <- m:
		case <-b.ending:
			return
		}
	}
}

// untilZero is a bufio.SplitFunc; what the end cuts off is no message.
func untilZero(data []byte, _ bool) (advance int, token []byte, err error) {
	if i := bytes.IndexByte(data, 0); i >= 0 {
		return i + 1, data[:i], nil
	}
	return 0, nil, nil
}

// parseDevtools copies b: the messages outlive the buffer.
func parseDevtools(b []byte) (devtoolsMessage, error) {
	var m devtoolsMessage
	err := json.Unmarshal(b, &m)
	return m, err
}

// end closes the browser, kills what does not want to go, and removes the profile.
func (b *cookieBrowser) end() {
	b.send(callClose, "", "Browser.close", nil)
	close(b.ending)
	_ = b.to.Close()
	select {
	case <-b.waited:
	case <-time.After(closePatience):
	}
	_ = syscall.Kill(-b.cmd.Process.Pid, syscall.SIGKILL) // its helpers, if any is left
	<-b.waited
	_ = os.RemoveAll(b.profile)
}
