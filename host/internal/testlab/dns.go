package testlab

import (
	"context"
	"fmt"
	"strings"
	"time"
)

// Elsewhere is the address that the outside's name server has for every name.
const Elsewhere = "192.0.2.53"

// DNS is a running name server.
type DNS struct{ *Process }

// StartDNS starts the site's name server, inside: it knows the names below the
// site's Domains, all under the gateway's inside addresses, and no other.
func (s *Site) StartDNS() (DNS, error) {
	args := []string{"--listen-address=" + s.InsideV4, "--listen-address=" + s.InsideV6}
	for _, d := range s.Domains {
		args = append(args, fmt.Sprintf("--address=/%s/%s", d, s.InsideV4), fmt.Sprintf("--address=/%s/%s", d, s.InsideV6))
	}
	return startDNS(s.Machine, s.InsideV4, args)
}

// StartDNS starts the name server that the base connection uses, outside: every
// name is Elsewhere.
func (l *Lab) StartDNS() (DNS, error) {
	return startDNS(l.Gateway, GatewayV4, []string{"--listen-address=" + GatewayV4, "--address=/#/" + Elsewhere})
}

func startDNS(m *Machine, address string, args []string) (DNS, error) {
	p, err := m.Start(Command{Args: append([]string{"/usr/sbin/dnsmasq", "--no-daemon", "--conf-file=/dev/null", "--user=root",
		"--no-resolv", "--no-hosts", "--bind-interfaces", "--except-interface=lo", "--log-queries", "--log-facility=-"}, args...)})
	if err != nil {
		return DNS{}, err
	}
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	err = Await(ctx, "the name server", func() bool {
		_, err := m.Run("dig", "+time=1", "+tries=1", "@"+address, "ready.invalid")
		return err == nil || p.ended()
	})
	if err == nil && p.ended() {
		err = fmt.Errorf("dnsmasq: %s", p.Tail(10))
	}
	return DNS{p}, err
}

// Asked says whether anybody asked for a name.
func (d DNS) Asked(name string) bool { return strings.Contains(d.Output(), "] "+name+" from ") }
