package testlab

import (
	"encoding/json"
	"errors"
	"fmt"
	"os/exec"
	"strings"
	"sync/atomic"
)

// Nft runs an nftables script on the machine.
func (m *Machine) Nft(script string) error {
	cmd := exec.Command("nft", "-f", "-")
	cmd.Stdin = strings.NewReader(script)
	var out strings.Builder
	cmd.Stdout, cmd.Stderr = &out, &out
	if err := m.Do(cmd.Start); err != nil {
		return err
	}
	if err := cmd.Wait(); err != nil {
		return fmt.Errorf("nft on %s: %w: %s", m.Name, err, out.String())
	}
	return nil
}

// Fault is a disturbance of the line that can be lifted again. Packets are dropped
// where they arrive, so that senders notice nothing.
type Fault struct {
	lab   *Lab
	table string
}

var faults atomic.Int64

// disturb installs a rule for packets that reach the gateway, and one for those
// that reach the client.
func (l *Lab) disturb(atGateway, atClient string) (*Fault, error) {
	f := &Fault{l, fmt.Sprintf("fault%d", faults.Add(1))}
	const table = `table inet %s {
	chain arriving {
		type filter hook input priority -10
		iifname "eth0" %s
	}
}`
	if err := l.Gateway.Nft(fmt.Sprintf(table, f.table, atGateway)); err != nil {
		return nil, err
	}
	return f, l.Client.Nft(fmt.Sprintf(table, f.table, atClient))
}

// DropUDP swallows UDP of a gateway's port in both directions.
func (l *Lab) DropUDP(port int) (*Fault, error) {
	return l.disturb(fmt.Sprintf("udp dport %d drop", port), fmt.Sprintf("udp sport %d drop", port))
}

// Lose drops a share of all packets in both directions.
func (l *Lab) Lose(percent int) (*Fault, error) {
	rule := fmt.Sprintf("meta l4proto { tcp, udp } numgen random mod 100 < %d drop", percent)
	return l.disturb(rule, rule)
}

// Silence makes the gateway a black hole.
func (l *Lab) Silence() (*Fault, error) { return l.disturb("drop", "drop") }

// Refuse answers a port of the gateway as if no one listened there, as while a
// server restarts: TCP with a reset, UDP with "port unreachable".
func (l *Lab) Refuse(port int) (*Fault, error) {
	return l.disturb(fmt.Sprintf("tcp dport %[1]d reject with tcp reset\niifname \"eth0\" udp dport %[1]d reject", port), "accept")
}

// Lift ends the disturbance.
func (f *Fault) Lift() error {
	lift := "delete table inet " + f.table
	return errors.Join(f.lab.Gateway.Nft(lift), f.lab.Client.Nft(lift))
}

// Meter counts the tunnel's outer packets: what is really on the wire.
type Meter struct{ machine *Machine }

// Wire is what a Meter counted so far: bytes by transport, and TCP connections
// opened.
type Wire struct {
	TCP, UDP    int64
	Connections int64
}

// NewMeter counts TCP and UDP of a gateway's port, both directions, from now on.
func (m *Machine) NewMeter(port int) (Meter, error) {
	return Meter{m}, m.Nft(fmt.Sprintf(`table inet wire {
	counter tcp_seen { }
	counter udp_seen { }
	counter opened_seen { }
	chain in {
		type filter hook input priority -20
		iifname "eth0" tcp sport %[1]d counter name tcp_seen
		iifname "eth0" udp sport %[1]d counter name udp_seen
	}
	chain out {
		type filter hook output priority -20
		oifname "eth0" tcp dport %[1]d counter name tcp_seen
		oifname "eth0" tcp dport %[1]d tcp flags & (syn | ack) == syn counter name opened_seen
		oifname "eth0" udp dport %[1]d counter name udp_seen
	}
}`, port))
}

// Close stops counting.
func (m Meter) Close() error { return m.machine.Nft("delete table inet wire") }

// Read returns the counts.
func (m Meter) Read() (Wire, error) {
	out, err := m.machine.Run("nft", "--json", "list", "counters", "table", "inet", "wire")
	if err != nil {
		return Wire{}, err
	}
	var reply struct {
		Nftables []struct {
			Counter *struct {
				Name           string
				Packets, Bytes int64
			}
		}
	}
	if err := json.Unmarshal([]byte(out), &reply); err != nil {
		return Wire{}, fmt.Errorf("nft counters: %w", err)
	}
	var w Wire
	for _, item := range reply.Nftables {
		switch c := item.Counter; {
		case c == nil:
		case c.Name == "tcp_seen":
			w.TCP = c.Bytes
		case c.Name == "udp_seen":
			w.UDP = c.Bytes
		case c.Name == "opened_seen":
			w.Connections = c.Packets
		}
	}
	return w, nil
}
