package plugintest

import (
	"bytes"
	"fmt"
	"slices"
	"sync"

	"github.com/penstock-vpn/penstock/sdk"
	"github.com/penstock-vpn/penstock/sdk/framing"
	"github.com/penstock-vpn/penstock/sdk/pluginpb"
)

// Path is a transport that carries packets. Rules that need no clock (Replies and
// Ignore) are obeyed; keepalives and dead peer detection are not.
type Path struct {
	ID         uint32
	Kind       string // "tcp", "tls", "udp", "dtls", "raw", "esp"
	Spec       framing.Spec
	Preference int
	Replaces   uint32
	Residual   []byte // what the plugin handed over
	ECN        bool   // of ESP: the peer combines marks of congestion, the plugin says

	h       *Host
	link    *link
	esp     *ESP  // nil: none
	call    *call // of GRE; nil: none
	writing sync.Mutex

	mu      sync.Mutex
	changed chan struct{}
	packets [][]byte
	sent    []sdk.ControlFrame
	gone    bool
}

func newPath(h *Host, l *link, spec framing.Spec, m *pluginpb.Attach, esp *ESP) *Path {
	p := &Path{
		ID: l.id, Kind: l.kind, Spec: spec, Preference: int(m.GetPreference()), Replaces: m.GetReplaces(),
		ECN: m.GetEsp().GetEcn(), h: h, link: l, esp: esp, changed: make(chan struct{}),
	}
	if esp != nil {
		p.Kind = "esp"
	}
	return p
}

// Send sends packet to the gateway, as if it had come from the TUN device.
func (p *Path) Send(packet []byte) {
	p.writeFrame(frame{p.Spec.DataType, packet})
}

// writeFrame sends f, sealed if the path is one of ESP.
func (p *Path) writeFrame(f frame) {
	b := encode(p.Spec, f)
	if p.esp != nil {
		b = p.esp.Seal(b)
	}
	if p.call != nil {
		p.writing.Lock()
		b = p.call.wrap(b)
		p.writing.Unlock()
	}
	p.write(b)
}

// Packet waits for the next packet from the gateway.
func (p *Path) Packet() []byte {
	p.h.t.Helper()
	var first []byte
	p.expect("a packet", func() bool {
		if len(p.packets) == 0 {
			return false
		}
		first, p.packets = p.packets[0], p.packets[1:]
		return true
	})
	return first
}

// Sent waits for the plugin's next control frame on this path.
func (p *Path) Sent() sdk.ControlFrame {
	p.h.t.Helper()
	var first sdk.ControlFrame
	p.expect("a control frame", func() bool {
		if len(p.sent) == 0 {
			return false
		}
		first, p.sent = p.sent[0], p.sent[1:]
		return true
	})
	return first
}

// Gone waits until the path has ended: the plugin closed it, or the gateway did.
func (p *Path) Gone() {
	p.h.t.Helper()
	p.expect("the path's end", func() bool { return p.gone })
}

func (p *Path) expect(what string, done func() bool) {
	p.h.t.Helper()
	changed := func() <-chan struct{} {
		p.mu.Lock()
		defer p.mu.Unlock()
		return p.changed
	}
	ok := p.h.wait(changed, func() bool {
		p.mu.Lock()
		defer p.mu.Unlock()
		return done()
	})
	if !ok {
		p.h.t.Fatalf("plugintest: %s did not come on path %d", what, p.ID)
	}
}

func (p *Path) note(change func()) {
	p.mu.Lock()
	defer p.mu.Unlock()
	change()
	close(p.changed)
	p.changed = make(chan struct{})
}

func (p *Path) write(b []byte) {
	p.writing.Lock()
	defer p.writing.Unlock()
	_, _ = p.link.network.Write(b) // the end is noticed by read
}

func (p *Path) control(m *pluginpb.ControlFrame) {
	p.note(func() {
		p.sent = append(p.sent, sdk.ControlFrame{Path: p.ID, Type: m.GetType(), Payload: m.GetPayload()})
	})
	if p.esp != nil && m.GetType() == 0 {
		p.write(append(bytes.Clone(ikeMarker), m.GetPayload()...))
	} else {
		p.writeFrame(frame{m.GetType(), m.GetPayload()})
	}
}

// read takes frames from the residual and then the network until the path ends.
func (p *Path) read() {
	var err error
	if datagrams(p.Kind) {
		err = p.readDatagrams()
	} else {
		err = p.readStream()
	}
	if p.h.dropPath(p.ID) {
		p.h.tell(&pluginpb.FromHost{Message: &pluginpb.FromHost_Path{Path: &pluginpb.PathEvent{
			Transport: p.ID, Kind: pluginpb.PathEvent_DEAD, Reason: err.Error(),
		}}})
	}
}

func (p *Path) readDatagrams() error {
	buffer := make([]byte, biggest)
	for {
		n, err := p.link.network.Read(buffer)
		if err != nil {
			return err
		}
		if p.esp != nil {
			p.takeESP(buffer[:n])
			continue
		}
		b := buffer[:n]
		if p.call != nil {
			p.writing.Lock()
			b = p.call.unwrap(b)
			p.writing.Unlock()
			if len(b) == 0 {
				continue
			}
		}
		f, err := decodeDatagram(p.Spec, b)
		if err != nil {
			return fmt.Errorf("path %d: %w", p.ID, err)
		}
		p.receive(f)
	}
}

func (p *Path) readStream() error {
	buffer, unread := make([]byte, biggest), bytes.Clone(p.Residual)
	for {
		for {
			f, n, err := decode(p.Spec, unread)
			if err != nil {
				return fmt.Errorf("path %d: %w", p.ID, err)
			}
			if n == 0 {
				break
			}
			unread = unread[n:]
			p.receive(f)
		}
		n, err := p.link.network.Read(buffer)
		if unread = append(unread, buffer[:n]...); err != nil && n == 0 {
			return err
		}
	}
}

// receive does with one frame what the rules say.
func (p *Path) receive(f frame) {
	rules := p.Spec.Rules
	for _, r := range rules.Replies {
		if answer, ok := r.To(nil, f.kind, f.payload); ok {
			p.writeFrame(frame{r.With, answer})
			return
		}
	}
	switch {
	case f.kind == p.Spec.DataType && p.answersProbe(f.payload):
	case f.kind == p.Spec.DataType:
		p.note(func() { p.packets = append(p.packets, f.payload) })
	case slices.Contains(rules.Ignore, f.kind):
	default:
		p.tellFrame(f)
	}
}

// tellFrame passes a frame on to the plugin.
func (p *Path) tellFrame(f frame) {
	p.h.tell(&pluginpb.FromHost{Message: &pluginpb.FromHost_Frame{Frame: &pluginpb.ControlFrame{
		Transport: p.ID, Type: f.kind, Payload: f.payload,
	}}})
}

// end closes the path.
func (p *Path) end() {
	p.link.close()
	p.note(func() { p.gone = true })
}
