// Package endpoint is what the lab's own gateways have in common: the far end of a
// client's tunnel, on the project's own data plane, so that a gateway is never what
// is measured.
//
//	tunnel.go   a client's TUN device and data plane, and the paths in it
//	udp.go      sockets of several clients on one port
//	program.go  a gateway as a process on its machine
package endpoint

import (
	"errors"
	"fmt"
	"net"
	"sync"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"github.com/penstock-vpn/penstock/host/internal/dataplane"
	"github.com/penstock-vpn/penstock/host/internal/tun"
	"github.com/penstock-vpn/penstock/sdk/framing"
)

// The gateways' own addresses in the tunnels, and the MTU inside.
const (
	OwnV4 = "10.88.0.1"
	OwnV6 = "fd88::1"
	MTU   = 1400
)

// V4 is the address of a session's client by the session's number, from 0.
func V4(number int) string { return fmt.Sprintf("10.88.0.%d", 2+number%250) }

// V6 is described at V4.
func V6(number int) string { return fmt.Sprintf("fd88::%x", 2+number%250) }

// Tunnel leads to one client.
type Tunnel struct {
	plane *dataplane.Plane

	mu    sync.Mutex // guards what follows
	last  uint32     // the number of the path made last
	paths map[uint32]*Path
}

// Open makes a TUN device that leads to the client of these addresses; "" is none.
func Open(mtu int, v4, v6 string) (*Tunnel, error) {
	dev, err := tun.Open("vpns%d", mtu)
	if err != nil {
		return nil, err
	}
	if err := lead(dev.Name(), v4, v6); err != nil {
		return nil, errors.Join(err, dev.Close())
	}
	t := &Tunnel{plane: dataplane.New(dev, dataplane.Options{MTU: mtu}), paths: map[uint32]*Path{}}
	go t.watch()
	return t, nil
}

// Close ends the tunnel with all its paths.
func (t *Tunnel) Close() { _ = t.plane.Close() }

// lead makes a device lead to the client.
func lead(device, v4, v6 string) error {
	link, err := netlink.LinkByName(device)
	if err != nil {
		return err
	}
	if v4 != "" {
		err = Address(link, OwnV4+"/32", v4+"/32")
	}
	if v6 != "" {
		err = errors.Join(err, Address(link, OwnV6+"/128", v6+"/128"))
	}
	return err
}

// Address gives a device an address, and a peer.
func Address(link netlink.Link, own, peer string) error {
	a, err := netlink.ParseAddr(own)
	if err != nil {
		return err
	}
	if _, a.Peer, err = net.ParseCIDR(peer); err != nil {
		return err
	}
	a.Flags = unix.IFA_F_NODAD
	if err := netlink.AddrAdd(link, a); err != nil {
		return fmt.Errorf("address %s on %s: %w", own, link.Attrs().Name, err)
	}
	return nil
}

// Path is one way to the client.
type Path struct {
	tunnel  *Tunnel
	id      uint32
	control func(p *Path, kind uint32)
	done    chan struct{}
	reason  error
}

// The data plane prefers datagrams to a stream.
const (
	preferStream    = 1
	preferDatagrams = 2
)

// Stream carries packets over w. control hears of frames that are neither data nor
// handled by a rule, and may be nil; it must not block.
func (t *Tunnel) Stream(w dataplane.Stream, spec framing.Spec, overhead int, control func(p *Path, kind uint32)) (*Path, error) {
	return t.attach(control, func(id uint32) error {
		return t.plane.AddStream(id, w, spec, preferStream, 0, "tls", overhead)
	})
}

// Datagrams carries packets over w in place of before, which may be nil. kind is that
// of dataplane.AddDatagram.
func (t *Tunnel) Datagrams(w dataplane.Datagram, spec framing.Spec, before *Path, kind string, overhead int) (*Path, error) {
	return t.attach(nil, func(id uint32) error {
		var replaces uint32
		if before != nil {
			replaces = before.id
		}
		return t.plane.AddDatagram(id, w, spec, preferDatagrams, replaces, kind, overhead)
	})
}

func (t *Tunnel) attach(control func(*Path, uint32), add func(id uint32) error) (*Path, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	p := &Path{tunnel: t, id: t.last + 1, control: control, done: make(chan struct{})}
	if err := add(p.id); err != nil {
		return nil, err
	}
	t.last = p.id
	t.paths[p.id] = p
	return p, nil
}

// Send sends a frame of a type that is not data, without a payload.
func (p *Path) Send(kind uint32) error { return p.tunnel.plane.SendControl(p.id, kind, nil) }

// Wait returns when the path has ended, and why it did; nil: it was closed.
func (p *Path) Wait() error {
	<-p.done
	return p.reason
}

// Close ends the path.
func (p *Path) Close() {
	_ = p.tunnel.plane.Remove(p.id) // or it has ended
	p.tunnel.ended(p.id, nil)
}

// watch takes the data plane's events until it closes.
func (t *Tunnel) watch() {
	for e := range t.plane.Events() {
		switch e.Kind {
		case dataplane.Control:
			t.mu.Lock()
			p := t.paths[e.Path]
			t.mu.Unlock()
			if p != nil && p.control != nil {
				p.control(p, e.Type)
			}
		case dataplane.Dead:
			t.ended(e.Path, errors.New(e.Reason))
		}
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	for id := range t.paths {
		t.end(id, nil)
	}
}

func (t *Tunnel) ended(id uint32, reason error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.end(id, reason)
}

// end is told of a path once or twice. The caller holds mu.
func (t *Tunnel) end(id uint32, reason error) {
	if p := t.paths[id]; p != nil {
		p.reason = reason
		close(p.done)
		delete(t.paths, id)
	}
}
