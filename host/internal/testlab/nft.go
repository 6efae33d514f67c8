package testlab

import (
	"encoding/json"
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

// Fault is a disturbance of the line that can be lifted again.
type Fault struct {
	machine *Machine
	table   string
}

var faults atomic.Int64

// disturb installs rules on the machine's end of the cable: for packets that
// arrive, and for those that leave.
func (m *Machine) disturb(arriving, leaving []string) (*Fault, error) {
	f := &Fault{m, fmt.Sprintf("fault%d", faults.Add(1))}
	var script strings.Builder
	fmt.Fprintf(&script, "table inet %s {\n", f.table)
	for _, c := range []struct {
		hook, match string
		rules       []string
	}{{"input", "iifname", arriving}, {"output", "oifname", leaving}} {
		fmt.Fprintf(&script, "chain %s {\ntype filter hook %s priority -10;\n", c.hook, c.hook)
		for _, rule := range c.rules {
			fmt.Fprintf(&script, "%s \"%s\" %s\n", c.match, outside, rule)
		}
		script.WriteString("}\n")
	}
	script.WriteString("}\n")
	return f, m.Nft(script.String())
}

// DropUDP swallows UDP of a port in both directions.
func (m *Machine) DropUDP(port int) (*Fault, error) {
	return m.disturb([]string{fmt.Sprintf("udp dport %d drop", port)}, []string{fmt.Sprintf("udp sport %d drop", port)})
}

// Lose drops a share of all packets in both directions.
func (m *Machine) Lose(percent int) (*Fault, error) {
	rule := []string{fmt.Sprintf("meta l4proto { tcp, udp } numgen random mod 100 < %d drop", percent)}
	return m.disturb(rule, rule)
}

// Silence swallows everything: the machine is a black hole.
func (m *Machine) Silence() (*Fault, error) { return m.disturb([]string{"drop"}, []string{"drop"}) }

// Refuse answers a port as if no one listened there, as while a server restarts:
// TCP with a reset, UDP with "port unreachable".
func (m *Machine) Refuse(port int) (*Fault, error) {
	return m.disturb([]string{
		fmt.Sprintf("tcp dport %d reject with tcp reset", port),
		fmt.Sprintf("udp dport %d reject", port),
	}, nil)
}

// Lift ends the disturbance.
func (f *Fault) Lift() error { return f.machine.Nft("delete table inet " + f.table) }

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
	return Meter{m}, m.Nft(fmt.Sprintf(`table inet meter {
	counter tcp { }
	counter udp { }
	counter opened { }
	chain in {
		type filter hook input priority -20
		iifname "eth0" tcp sport %[1]d counter name tcp
		iifname "eth0" udp sport %[1]d counter name udp
	}
	chain out {
		type filter hook output priority -20
		oifname "eth0" tcp dport %[1]d counter name tcp
		oifname "eth0" tcp dport %[1]d tcp flags & (syn | ack) == syn counter name opened
		oifname "eth0" udp dport %[1]d counter name udp
	}
}`, port))
}

// Read returns the counts.
func (m Meter) Read() (Wire, error) {
	out, err := m.machine.Run("nft", "--json", "list", "counters", "table", "inet", "meter")
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
		case c.Name == "tcp":
			w.TCP = c.Bytes
		case c.Name == "udp":
			w.UDP = c.Bytes
		case c.Name == "opened":
			w.Connections = c.Packets
		}
	}
	return w, nil
}
