package transport

import (
	"errors"
	"net"
	"net/netip"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/penstock-vpn/penstock/sdk/diag"
)

// opened dials once by TCP and once by UDP.
func opened(t *testing.T, d *Dialer) (conns []net.Conn, errs []error) {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	t.Cleanup(func() { _ = listener.Close() })
	port := listener.Addr().(*net.TCPAddr).Port
	tcp, err := d.dialTCP(t.Context(), "127.0.0.1", port)
	conns, errs = append(conns, tcp), append(errs, err)
	udp, err := d.dialUDP(t.Context(), "127.0.0.1", port)
	return append(conns, udp), append(errs, err)
}

func TestSocketsAroundTheTunnel(t *testing.T) {
	for _, device := range []string{"", "lo"} {
		conns, errs := opened(t, New(Config{Around: func(to netip.Addr) (string, error) {
			if to.String() != "127.0.0.1" {
				t.Errorf("asked for %s", to)
			}
			return device, nil
		}}))
		must(t, errors.Join(errs...))
		for _, c := range conns {
			var got string
			control(c, func(fd int) { got, _ = unix.GetsockoptString(fd, unix.SOL_SOCKET, unix.SO_BINDTODEVICE) })
			if got != device {
				t.Errorf("%T is bound to %q, want %q", c, got, device)
			}
			must(t, c.Close())
		}
	}
}

func TestNoWayAroundTheTunnel(t *testing.T) {
	why := diag.New(diag.Unreachable, "no way", "there is none")
	_, errs := opened(t, New(Config{Around: func(netip.Addr) (string, error) { return "", why }}))
	for _, err := range errs {
		if err != error(why) {
			t.Errorf("got %v, want the reason itself", err)
		}
	}
	_, errs = opened(t, New(Config{Around: func(netip.Addr) (string, error) { return "nonesuch0", nil }}))
	for _, err := range errs {
		if diag.Of(err).Code != diag.Unreachable {
			t.Errorf("got %v", err)
		}
	}
}
