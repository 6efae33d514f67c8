package python_test

import (
	"bytes"
	"fmt"
	"io"
	"net"
	"strconv"
	"testing"

	"github.com/penstock-vpn/penstock/sdk/plugintest"
)

const head = "HTTP/1.1 200 OK\r\n\r\n"

func packetFrame(payload string) []byte {
	return append([]byte{'S', 'T', 'F', 1, 0, byte(len(payload)), 0, 0}, payload...)
}

// TestPythonHandoverLosesNothing cuts what the gateway sends at every octet, one
// process serving all sessions.
func TestPythonHandoverLosesNothing(t *testing.T) {
	target := launchProgram(t, "testdata/stream.py")
	sent := append([]byte(head), append(packetFrame("first"), packetFrame("last")...)...)
	for _, size := range []int{1, 30, 4096} {
		for cut := 1; cut <= len(sent); cut++ {
			ok := t.Run(fmt.Sprintf("size %d, cut %d", size, cut), func(t *testing.T) {
				h, path, run := attach(t, target, size, sent[:cut], sent[cut:])
				for _, want := range []string{"first", "last"} {
					if got := string(path.Packet()); got != want {
						t.Fatalf("packet %q, want %q", got, want)
					}
				}
				run.Stop(false)
				if err := run.Wait(); err != nil {
					t.Error(err)
				}
				if got := string(h.Checkpoint()); got != "cookie" {
					t.Errorf("checkpoint %q", got)
				}
			})
			if !ok {
				return // the others would wait as long for the same
			}
		}
	}
}

// attach runs a session up to its configuration. The second part comes late when the first
// is enough to attach.
func attach(t *testing.T, target *plugintest.Target, size int, before, after []byte) (*plugintest.Host, *plugintest.Path, *plugintest.Run) {
	t.Helper()
	attached := make(chan struct{})
	h := plugintest.NewHost(t)
	h.Gateway("tls", "vpn.example.com:443", func(c net.Conn) {
		_, _ = c.Write(before)
		if len(before) >= len(head) {
			<-attached
		}
		_, _ = c.Write(after)
		ready := make([]byte, len("READY"))
		if _, err := io.ReadFull(c, ready); err != nil || !bytes.Equal(ready, []byte("READY")) {
			t.Errorf("the gateway heard %q, %v", ready, err)
		}
		_, _ = io.Copy(io.Discard, c)
	})
	run := h.Start(target, plugintest.Profile{Options: map[string]string{"size": strconv.Itoa(size)}})
	path := run.Path()
	close(attached)
	run.Config()
	run.Until("a checkpoint", func(*plugintest.Run) bool { return h.Checkpoint() != nil })
	return h, path, run
}

func TestPythonResumes(t *testing.T) {
	target := launchProgram(t, "testdata/stream.py")
	h, path, run := attach(t, target, 4096, []byte(head), nil)
	run.Kill()
	again := h.Start(launchProgram(t, "testdata/stream.py"), plugintest.Profile{Resume: true})
	if got := path.Sent(); got.Type != 7 || string(got.Payload) != "cookie" {
		t.Errorf("the resumed plugin sent %+v", got)
	}
	again.Stop(true)
	if err := again.Wait(); err != nil {
		t.Error(err)
	}
}
