package userstack

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"golang.org/x/net/dns/dnsmessage"

	"github.com/penstock-vpn/penstock/host/netcfg"
)

const (
	answerTime = 3 * time.Second // of one server
	rounds     = 2               // how often each server is asked
	mostSearch = 6               // search domains that are tried
	mostKnown  = 512             // names that are remembered
	mostGood   = 5 * time.Minute // and for how long
	datagram   = 4096            // of an answer, in bytes
	dnsPort    = 53
)

// NameError says that a name could not be resolved, and why.
type NameError struct {
	Name string
	Err  error
}

func (e *NameError) Error() string { return fmt.Sprintf("%.255s: %s", e.Name, e.Err) }

// Unwrap returns why.
func (e *NameError) Unwrap() error { return e.Err }

var errUnknown = errors.New("the tunnel's name servers do not know it")

// known remembers names.
type known struct {
	mu    sync.Mutex
	names map[string]entry
}

type entry struct {
	found []netip.Addr
	until time.Time
}

func (k *known) get(name string) ([]netip.Addr, bool) {
	k.mu.Lock()
	defer k.mu.Unlock()
	e, ok := k.names[name]
	return e.found, ok && time.Now().Before(e.until)
}

func (k *known) put(name string, found []netip.Addr, good time.Duration) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if len(k.names) >= mostKnown || k.names == nil {
		k.names = map[string]entry{}
	}
	k.names[name] = entry{found, time.Now().Add(good)}
}

// lookup asks the tunnel's name servers, through the tunnel, and nobody else: neither
// files nor servers of this machine. Domains that the gateway has split off do not change
// that: what is asked of the proxy is not told to the outside.
func (n *Network) lookup(ctx context.Context, name string) ([]netip.Addr, error) {
	s := n.settings.Load()
	if clean, ok := netcfg.Domain(name); !ok || len(clean) != len(strings.TrimSuffix(name, ".")) {
		return nil, &NameError{strconv.Quote(name), errors.New("it is no name")}
	}
	if len(s.servers) == 0 {
		return nil, &Refused{"the gateway gave no name servers: give an address in place of a name"}
	}
	if found, ok := s.known.get(name); ok {
		return found, nil
	}
	var err error
	for _, whole := range candidates(name, s.search) {
		var found []netip.Addr
		var good time.Duration
		if found, good, err = n.ask(ctx, s, whole); err == nil {
			s.known.put(name, found, good)
			return found, nil
		}
		if !errors.Is(err, errNoName) {
			break
		}
	}
	if errors.Is(err, errNoName) {
		err = errUnknown
	}
	return nil, &NameError{name, err}
}

// candidates are the whole names that a name may stand for, as resolv.conf(5) has it.
func candidates(name string, search []string) []string {
	if strings.HasSuffix(name, ".") {
		return []string{name}
	}
	var all []string
	for _, d := range search[:min(len(search), mostSearch)] {
		if whole := name + "." + d + "."; len(whole) < 255 {
			all = append(all, whole)
		}
	}
	if strings.Contains(name, ".") {
		return slices.Insert(all, 0, name+".")
	}
	return append(all, name+".")
}

// ask finds addresses of the families that the tunnel has, IPv6 first.
func (n *Network) ask(ctx context.Context, s *settings, whole string) ([]netip.Addr, time.Duration, error) {
	name, err := dnsmessage.NewName(whole)
	if err != nil {
		return nil, 0, errNoName
	}
	type answer struct {
		found []netip.Addr
		good  time.Duration
		err   error
	}
	var answers [2]answer
	var both sync.WaitGroup
	for i, kind := range []dnsmessage.Type{dnsmessage.TypeAAAA, dnsmessage.TypeA} {
		if unspecified := []netip.Addr{netip.IPv6Unspecified(), netip.IPv4Unspecified()}[i]; !s.family(unspecified) {
			answers[i].err = errNoName
			continue
		}
		both.Go(func() {
			a := &answers[i]
			a.found, a.good, a.err = n.askServers(ctx, s.servers, name, kind)
		})
	}
	both.Wait()
	six, four := answers[0], answers[1]
	found := append(six.found, four.found...)
	switch {
	case len(found) > 0 && six.err != nil:
		return found, four.good, nil
	case len(found) > 0 && four.err != nil:
		return found, six.good, nil
	case len(found) > 0:
		return found, min(six.good, four.good), nil
	}
	for _, err := range []error{four.err, six.err} {
		if err != nil && !errors.Is(err, errNoName) {
			return nil, 0, err
		}
	}
	return nil, 0, errNoName
}

// askServers asks one after the other until one knows.
func (n *Network) askServers(ctx context.Context, servers []netip.Addr, name dnsmessage.Name, kind dnsmessage.Type) (found []netip.Addr, good time.Duration, err error) {
	for range rounds {
		for _, server := range servers {
			q := question{uint16(rand.Uint32()), name, kind}
			found, good, err = n.askOne(ctx, netip.AddrPortFrom(server, dnsPort), q)
			if err == nil || errors.Is(err, errNoName) {
				return found, good, err
			}
			err = fmt.Errorf("the tunnel's name server %s: %w", server, err)
			if ctx.Err() != nil {
				return nil, 0, err
			}
		}
	}
	return nil, 0, err
}

func (n *Network) askOne(ctx context.Context, server netip.AddrPort, q question) ([]netip.Addr, time.Duration, error) {
	ctx, cancel := context.WithTimeout(ctx, answerTime)
	defer cancel()
	c, err := n.dialUDP(server)
	if err != nil {
		return nil, 0, err
	}
	found, good, err := q.exchange(ctx, c, false)
	if errors.Is(err, errTruncated) {
		if c, err = n.dialTCP(ctx, server); err != nil {
			return nil, 0, err
		}
		found, good, err = q.exchange(ctx, c, true)
	}
	return found, good, err
}

// exchange asks over c and closes it. Answers to something else are passed over.
func (q question) exchange(ctx context.Context, c net.Conn, stream bool) (found []netip.Addr, good time.Duration, err error) {
	defer c.Close() //nolint:errcheck // nothing is to be saved
	stop := context.AfterFunc(ctx, func() { _ = c.SetDeadline(time.Unix(1, 0)) })
	defer stop()
	buf := make([]byte, 2, datagram)
	buf, err = q.append(buf)
	if err != nil {
		return nil, 0, err
	}
	if binary.BigEndian.PutUint16(buf, uint16(len(buf)-2)); !stream {
		buf = buf[2:]
	}
	if _, err = c.Write(buf); err != nil {
		return nil, 0, err
	}
	for {
		b, err := receive(c, stream)
		if err != nil {
			return nil, 0, err
		}
		found, good, err = q.parse(b)
		if !errors.Is(err, errAnswer) || stream {
			return found, good, err
		}
	}
}

// receive reads one answer.
func receive(c net.Conn, stream bool) ([]byte, error) {
	if !stream {
		b := make([]byte, datagram)
		n, err := c.Read(b)
		return b[:n], err
	}
	var length [2]byte
	if _, err := io.ReadFull(c, length[:]); err != nil {
		return nil, err
	}
	b := make([]byte, binary.BigEndian.Uint16(length[:]))
	_, err := io.ReadFull(c, b)
	return b, err
}
