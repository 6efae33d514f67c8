package tunnel

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/penstock-vpn/penstock/plugins/anyconnect/internal/auth"
	"github.com/penstock-vpn/penstock/plugins/anyconnect/internal/cstp"
	"github.com/penstock-vpn/penstock/sdk"
	"github.com/penstock-vpn/penstock/sdk/diag"
	"github.com/penstock-vpn/penstock/sdk/framing"
)

// fakeHost plays host and gateway, within a synctest bubble.
type fakeHost struct {
	t      *testing.T
	begun  time.Time
	events chan sdk.Event

	mu       sync.Mutex
	steps    []string // "SECONDS what"
	answers  []answer // of CONNECTs, the last one for ever
	keys     []Key    // of OpenDTLS
	dtls     func(n int) error
	exports  bool
	binding  []byte
	lastID   uint32
	paths    map[uint32]*fakePath
	config   sdk.NetConfig
	stored   []byte
	received []string // of the gateway, after CONNECT
	requests []*http.Request
	conns    []net.Conn
}

// answer is what the gateway says to one CONNECT; "" breaks the connection, "-" means
// that nothing listens, "..." that it says nothing.
type answer string

const granting = "HTTP/1.1 200 CONNECTED\r\nX-CSTP-Address: 10.0.0.2\r\nX-CSTP-Netmask: 255.255.255.0\r\nX-CSTP-MTU: 1400\r\n" +
	"X-CSTP-DPD: 30\r\nX-CSTP-Keepalive: 20\r\n"

// grant is a tunnel with further fields.
func grant(lines ...string) answer {
	return answer(granting + strings.Join(append(lines, "\r\n"), "\r\n"))
}

var pskFields = []string{"X-DTLS-Port: 4433", "X-DTLS-App-ID: 0a0b", "X-DTLS-CipherSuite: PSK-NEGOTIATE", "X-DTLS-MTU: 1380", "X-DTLS-DPD: 15"}

func newFakeHost(t *testing.T, answers ...answer) *fakeHost {
	h := &fakeHost{
		t: t, begun: time.Now(), events: make(chan sdk.Event, 256), answers: answers, exports: true,
		binding: []byte("binding"), paths: map[uint32]*fakePath{}, dtls: func(int) error { return nil },
	}
	t.Cleanup(func() {
		for _, c := range h.conns {
			_ = c.Close()
		}
	})
	return h
}

func (h *fakeHost) step(format string, args ...any) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.steps = append(h.steps, fmt.Sprintf("%g ", time.Since(h.begun).Seconds())+fmt.Sprintf(format, args...))
}

// key, request and settings are what the host saw.
func (h *fakeHost) key(i int) Key {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.keys[i]
}

func (h *fakeHost) request(i int) *http.Request {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.requests[i]
}

func (h *fakeHost) settings() sdk.NetConfig {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.config
}

// change changes how the host answers from now on.
func (h *fakeHost) change(how func()) {
	h.mu.Lock()
	defer h.mu.Unlock()
	how()
}

// taken returns the steps since the last call.
func (h *fakeHost) taken() string {
	synctest.Wait()
	h.mu.Lock()
	defer h.mu.Unlock()
	steps := h.steps
	h.steps = nil
	return strings.Join(steps, "|")
}

func (h *fakeHost) number() uint32 {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.lastID++
	return h.lastID
}

type fakeConn struct {
	net.Conn
	host *fakeHost
	id   uint32
	kind string
}

func (c *fakeConn) CanExport(context.Context) bool { return c.host.exports }
func (c *fakeConn) Info() sdk.Info {
	c.host.mu.Lock()
	defer c.host.mu.Unlock()
	return sdk.Info{PathMTU: 1500, ChannelBinding: c.host.binding, Cipher: "TLS_TEST"}
}

func (h *fakeHost) OpenTLS(ctx context.Context, host string, port int, _ bool) (Conn, error) {
	h.step("tls %s:%d", host, port)
	h.mu.Lock()
	a := h.answers[0]
	if len(h.answers) > 1 {
		h.answers = h.answers[1:]
	}
	h.mu.Unlock()
	if a == "-" {
		return nil, diag.New(diag.Unreachable, "nothing listens", "")
	}
	ours, theirs := net.Pipe()
	h.mu.Lock()
	h.conns = append(h.conns, ours)
	h.mu.Unlock()
	go h.serve(theirs, a)
	return &fakeConn{ours, h, h.number(), "tls"}, ctx.Err()
}

// serve answers one CONNECT, then notes what else comes.
func (h *fakeHost) serve(c net.Conn, a answer) {
	defer c.Close()
	br := bufio.NewReader(c)
	r, err := http.ReadRequest(br)
	if err != nil {
		return
	}
	h.mu.Lock()
	h.requests = append(h.requests, r)
	h.mu.Unlock()
	if a == "..." {
		_, _ = io.Copy(io.Discard, br)
		return
	}
	if _, err := io.WriteString(c, string(a)); err != nil || a == "" {
		return
	}
	rest, _ := io.ReadAll(br)
	h.mu.Lock()
	h.received = append(h.received, string(rest))
	h.mu.Unlock()
}

func (h *fakeHost) OpenDTLS(_ context.Context, host string, port int, key Key) (Conn, error) {
	h.step("dtls %s:%d", host, port)
	h.mu.Lock()
	h.keys = append(h.keys, key)
	n, dtls := len(h.keys), h.dtls
	h.mu.Unlock()
	if err := dtls(n); err != nil {
		return nil, err
	}
	ours, theirs := net.Pipe()
	_ = theirs.Close()
	return &fakeConn{ours, h, h.number(), "dtls"}, nil
}

type fakePath struct {
	host *fakeHost
	id   uint32
}

func (p *fakePath) ID() uint32 { return p.id }
func (p *fakePath) Send(kind uint32, payload []byte) error {
	p.host.step("send %d type %d %q", p.id, kind, payload)
	return nil
}
func (p *fakePath) Close() error { p.host.step("close %d", p.id); return nil }

func (h *fakeHost) Attach(_ context.Context, c Conn, over []byte, f framing.Spec, preference int, replaces Path) (Path, error) {
	conn := c.(*fakeConn)
	old := uint32(0)
	if replaces != nil {
		old = replaces.ID()
	}
	h.step("attach %s %d pref %d replaces %d over %d", conn.kind, conn.id, preference, old, len(over))
	p := &fakePath{h, conn.id}
	h.mu.Lock()
	h.paths[conn.id] = p
	h.mu.Unlock()
	return p, f.Validate()
}

func (h *fakeHost) Configure(_ context.Context, c sdk.NetConfig) error {
	h.step("configure mtu %d", c.MTU)
	h.mu.Lock()
	h.config = c
	h.mu.Unlock()
	return nil
}

func (h *fakeHost) Checkpoint(data []byte) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.stored = data
	return nil
}

func (h *fakeHost) Adopt(ids ...uint32) ([]Path, error) {
	h.step("adopt %v", ids)
	var paths []Path
	for _, id := range ids {
		paths = append(paths, &fakePath{h, id})
	}
	return paths, nil
}

func (h *fakeHost) Phase(p sdk.Phase) error    { h.step("phase %d", p); return nil }
func (h *fakeHost) Events() <-chan sdk.Event   { return h.events }
func (h *fakeHost) Info(f string, args ...any) { h.t.Logf(f, args...) }
func (h *fakeHost) Warn(f string, args ...any) { h.t.Logf(f, args...) }
func (h *fakeHost) Debug(f string, args ...any) {
	h.t.Logf(f, args...)
}
func (h *fakeHost) TraceText(string) {}

var loggedIn = &auth.Result{Cookie: "C00K1E", Gateway: &url.URL{Scheme: "https", Host: "vpn.test:8443", Path: "/group"}, Banner: "Hello"}

// start runs a tunnel in the bubble; the channel gets how it ended.
func (h *fakeHost) start(opt Options) <-chan error {
	done := make(chan error, 1)
	go func() { done <- Run(h.t.Context(), h, opt, loggedIn, nil, nil) }()
	return done
}

// resume runs what a checkpoint left.
func (h *fakeHost) resume(opt Options, installed ...uint32) <-chan error {
	r := &sdk.Resumption{Checkpoint: h.stored, Configured: true}
	for _, id := range installed {
		r.Installed = append(r.Installed, sdk.InstalledPath{ID: id})
	}
	done := make(chan error, 1)
	go func() {
		used, err := Resume(h.t.Context(), h, opt, r)
		if !used {
			h.t.Errorf("the checkpoint was not used: %v", err)
		}
		done <- err
	}()
	return done
}

func (h *fakeHost) expect(want string) {
	h.t.Helper()
	if got := h.taken(); got != want {
		h.t.Errorf("\ngot  %s\nwant %s", strings.ReplaceAll(got, "|", "\n     "), strings.ReplaceAll(want, "|", "\n     "))
	}
}

// stop ends the tunnel and checks that it ended well.
func (h *fakeHost) stop(done <-chan error, logout bool) {
	h.t.Helper()
	h.events <- sdk.Stop{Logout: logout, Deadline: time.Second}
	if err := <-done; err != nil {
		h.t.Errorf("after a stop: %v", err)
	}
}

func failureOf(t *testing.T, err error) (sdk.Retry, *diag.Diagnostic) {
	t.Helper()
	f, ok := err.(*sdk.Failure)
	if !ok || len(f.Diagnostics) == 0 {
		t.Fatalf("got %v, want a failure", err)
	}
	return f.Retry, &f.Diagnostics[0]
}

var allSuites = Options{Suites: cstp.Suites, UserAgent: "test"}

// pass lets time go by in the bubble, where nothing really waits.
func pass(d time.Duration) { <-time.After(d) }
