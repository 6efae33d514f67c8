package tunnel

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"runtime"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/penstock-vpn/penstock/plugins/internal/ike1"
	"github.com/penstock-vpn/penstock/plugins/internal/ike1/gate"
	"github.com/penstock-vpn/penstock/plugins/internal/ike1/machine"
	"github.com/penstock-vpn/penstock/sdk"
)

// world is a host with a gateway behind its transports.
type world struct {
	mu    sync.Mutex
	gate  gate.Gate
	ports []int

	path      *path
	installed []sdk.SA
}

// OpenUDP implements Host.
func (w *world) OpenUDP(_ context.Context, _ string, port int) (Conn, error) {
	near, far := net.Pipe()
	w.mu.Lock()
	w.ports = append(w.ports, port)
	w.mu.Unlock()
	go func() {
		b := make([]byte, maxDatagram)
		for {
			n, err := far.Read(b)
			if err != nil {
				return
			}
			skip := 0
			if port != portIKE {
				skip = len(marker)
			}
			w.mu.Lock()
			out := w.gate.Receive(slices.Clone(b[skip:n]))
			w.mu.Unlock()
			for _, d := range out {
				if _, err := far.Write(append(make([]byte, skip), d...)); err != nil {
					return
				}
			}
		}
	}()
	return conn{near, port}, nil
}

func (w *world) Debug(string, ...any) {}
func (w *world) TraceText(string)     {}

type conn struct {
	net.Conn
	port int
}

// Info implements Conn.
func (c conn) Info() sdk.Info {
	return sdk.Info{Local: netip.MustParseAddrPort("10.0.0.2:40000"), Remote: netip.AddrPortFrom(netip.MustParseAddr("192.0.2.1"), uint16(c.port))}
}

// path answers through the gate at once.
type path struct {
	w    *world
	came chan []byte
}

func (*path) ID() uint32 { return 7 }

func (p *path) Send(_ uint32, message []byte) error {
	p.w.mu.Lock()
	defer p.w.mu.Unlock()
	for _, d := range p.w.gate.Receive(message) {
		p.came <- d
	}
	return nil
}

func (p *path) InstallSA(_ context.Context, sa sdk.SA) error {
	p.w.installed = append(p.w.installed, sa)
	return nil
}

func (p *path) RemoveSA(context.Context, uint32) error { return nil }

// loop runs p until done says so, or it ends.
func loop(t *testing.T, w *world, p *Peer, done func() bool) error {
	t.Helper()
	limit := time.After(20 * time.Second)
	for !p.Ended() && !done() {
		due := time.NewTimer(time.Until(p.Deadline()))
		var came chan []byte
		if w.path != nil {
			came = w.path.came
		}
		var err error
		select {
		case f := <-p.Work():
			err = f()
		case d := <-came:
			err = p.Event(sdk.ControlFrame{Path: 7, Payload: d})
		case <-due.C:
			err = p.Tick(time.Now())
		case <-limit:
			t.Fatal("nothing happens any more")
		}
		due.Stop()
		if err != nil {
			return err
		}
	}
	return p.Err()
}

// handled waits for the gateway to have that many tunnels: nobody answers the last message
// of a quick mode.
func (w *world) handled(t *testing.T, tunnels int) {
	t.Helper()
	for end := time.Now().Add(10 * time.Second); ; runtime.Gosched() {
		w.mu.Lock()
		n := w.gate.Children
		w.mu.Unlock()
		switch {
		case n == tunnels:
			return
		case time.Now().After(end):
			t.Fatalf("the gateway has %d tunnels", n)
		}
	}
}

func peer(t *testing.T, w *world, c machine.Config, port int) *Peer {
	p := New(w, Options{Gateway: "vpn.test", Port: port, Machine: c, Up: func(up machine.Up, c Conn) (Path, error) {
		if c == nil || len(up.SAs) != 2 {
			return nil, errors.New("there is nothing to attach")
		}
		_ = c.Close()
		w.path = &path{w, make(chan []byte, 100)}
		return w.path, nil
	}})
	t.Cleanup(p.Close)
	if err := p.Begin(t.Context(), t.Context()); err != nil {
		t.Fatal(err)
	}
	return p
}

// Main mode and quick mode in transport mode, new keys over the path, and a farewell.
func TestPeer(t *testing.T) {
	for name, port := range map[string]int{"both ports": 0, "one port": 4501} {
		t.Run(name, func(t *testing.T) {
			w := &world{gate: gate.Gate{Key: []byte("key")}}
			c := machine.Config{Auth: machine.SharedKey{Key: []byte("key")}, Transport: &machine.Selector{Protocol: 17, Local: 1701, Remote: 1701}}
			p := peer(t, w, c, port)
			if err := loop(t, w, p, func() bool { return w.path != nil }); err != nil {
				t.Fatal(err)
			}
			if want := []int{portIKE, portNATT}; port == 0 && !slices.Equal(w.ports, want) || port != 0 && !slices.Equal(w.ports, []int{port}) {
				t.Errorf("opened %v", w.ports)
			}
			if err := p.Event(sdk.SAExpired{Path: 7}); err != nil {
				t.Fatal(err)
			}
			if err := loop(t, w, p, func() bool { return len(w.installed) == 2 }); err != nil {
				t.Fatal(err)
			}
			if err := p.Stop(); err != nil || !p.Ended() || p.Err() != nil {
				t.Errorf("stopped with %v, %v", err, p.Err())
			}
			w.handled(t, 2)
			if !slices.ContainsFunc(w.gate.Deleted, func(d ike1.Delete) bool { return d.Protocol == ike1.ProtocolIKE }) {
				t.Errorf("deleted %v", w.gate.Deleted)
			}
		})
	}
}

// What the host tells of the path and the network ends the session, each in its way.
func TestEvents(t *testing.T) {
	for want, event := range map[sdk.Retry]sdk.Event{sdk.Backoff: sdk.PathEvent{Path: 7, Kind: sdk.PathDead}, sdk.Now: sdk.NetworkChange{Reachable: true}} {
		w := &world{gate: gate.Gate{Key: []byte("key")}}
		p := peer(t, w, machine.Config{Auth: machine.SharedKey{Key: []byte("key")}, Transport: &machine.Selector{Protocol: 17, Local: 1701, Remote: 1701}}, 0)
		if err := loop(t, w, p, func() bool { return w.path != nil }); err != nil {
			t.Fatal(err)
		}
		if err := p.Event(sdk.PathEvent{Path: 8, Kind: sdk.PathDead}); err != nil {
			t.Errorf("another path ends it: %v", err)
		}
		var f *sdk.Failure
		if err := p.Event(event); !errors.As(err, &f) || f.Retry != want {
			t.Errorf("%T brings about %v", event, err)
		}
	}
}
