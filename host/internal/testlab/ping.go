package testlab

import (
	"fmt"
	"net"
	"net/netip"
	"os"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/net/icmp"
	"golang.org/x/net/ipv4"
	"golang.org/x/net/ipv6"
)

// Pinger sends echo requests at an even pace and keeps book.
type Pinger struct {
	conn   *icmp.PacketConn
	to     net.Addr
	id     int
	v6     bool
	answer chan struct{} // closed at the first answer

	stop, stopped chan struct{}

	mu   sync.Mutex
	sent []time.Time
	back []time.Duration // by sequence number; 0: none
}

// lastAnswer is how long Stop waits for answers still under way.
const lastAnswer = time.Second

var pingers atomic.Int64

// Ping starts pinging an address from the machine, which ends with Stop.
func (m *Machine) Ping(to string, every time.Duration) (*Pinger, error) {
	addr, err := netip.ParseAddr(to)
	if err != nil {
		return nil, err
	}
	p := &Pinger{to: &net.IPAddr{IP: addr.AsSlice()}, id: (os.Getpid() + int(pingers.Add(1))) & 0xffff, v6: addr.Is6(),
		answer: make(chan struct{}), stop: make(chan struct{}), stopped: make(chan struct{})}
	network, local := "ip4:icmp", "0.0.0.0"
	if p.v6 {
		network, local = "ip6:ipv6-icmp", "::"
	}
	err = m.Do(func() (err error) {
		p.conn, err = icmp.ListenPacket(network, local)
		return err
	})
	if err != nil {
		return nil, err
	}
	go p.receive()
	go p.send(every)
	return p, nil
}

// Answered is closed at the first answer.
func (p *Pinger) Answered() <-chan struct{} { return p.answer }

func (p *Pinger) send(every time.Duration) {
	defer close(p.stopped)
	tick := time.NewTicker(every)
	defer tick.Stop()
	for {
		p.one()
		select {
		case <-p.stop:
			return
		case <-tick.C:
		}
	}
}

// one sends the next request; one that cannot be sent counts as lost.
func (p *Pinger) one() {
	p.mu.Lock()
	seq := len(p.sent)
	p.sent, p.back = append(p.sent, time.Now()), append(p.back, 0)
	p.mu.Unlock()
	m := icmp.Message{Type: ipv4.ICMPTypeEcho, Body: &icmp.Echo{ID: p.id, Seq: seq & 0xffff, Data: make([]byte, 56)}}
	if p.v6 {
		m.Type = ipv6.ICMPTypeEchoRequest
	}
	if b, err := m.Marshal(nil); err == nil {
		p.conn.WriteTo(b, p.to)
	}
}

func (p *Pinger) receive() {
	protocol, reply := 1, icmp.Type(ipv4.ICMPTypeEchoReply)
	if p.v6 {
		protocol, reply = 58, ipv6.ICMPTypeEchoReply
	}
	b := make([]byte, 1500)
	for {
		n, _, err := p.conn.ReadFrom(b)
		if err != nil {
			return
		}
		m, err := icmp.ParseMessage(protocol, b[:n])
		if err != nil || m.Type != reply {
			continue
		}
		if echo, ok := m.Body.(*icmp.Echo); ok && echo.ID == p.id {
			p.came(echo.Seq)
		}
	}
}

func (p *Pinger) came(seq int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if seq >= len(p.sent) || p.back[seq] != 0 {
		return
	}
	p.back[seq] = time.Since(p.sent[seq])
	select {
	case <-p.answer:
	default:
		close(p.answer)
	}
}

// Pings is what became of a Pinger's requests.
type Pings struct {
	Sent    int
	Lost    []int // sequence numbers
	Slowest time.Duration
	Typical time.Duration // the median
}

// String is for people.
func (p Pings) String() string {
	return fmt.Sprintf("%d of %d lost %v, slowest %s", len(p.Lost), p.Sent, p.Lost, p.Slowest)
}

// Stop ends the pinging and waits a while for the last answers.
func (p *Pinger) Stop() Pings {
	close(p.stop)
	<-p.stopped
	deadline := time.After(lastAnswer)
	tick := time.NewTicker(pollEvery)
	defer tick.Stop()
	defer p.conn.Close()
	for {
		sum := p.sum()
		if len(sum.Lost) == 0 {
			return sum
		}
		select {
		case <-deadline:
			return sum
		case <-tick.C:
		}
	}
}

func (p *Pinger) sum() Pings {
	p.mu.Lock()
	defer p.mu.Unlock()
	sum := Pings{Sent: len(p.sent)}
	var back []time.Duration
	for seq, rtt := range p.back {
		if rtt == 0 {
			sum.Lost = append(sum.Lost, seq)
			continue
		}
		back = append(back, rtt)
	}
	if slices.Sort(back); len(back) > 0 {
		sum.Typical, sum.Slowest = back[len(back)/2], back[len(back)-1]
	}
	return sum
}
