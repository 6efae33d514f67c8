package asroot

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/penstock-vpn/penstock/host/internal/tun"
	"github.com/penstock-vpn/penstock/host/netcfg"
	"github.com/penstock-vpn/penstock/sdk/diag"
)

// noted is a system that notes what is done to it.
type noted struct {
	log    *slog.Logger
	done   []string
	config netcfg.Config
	err    error
}

func (n *noted) Apply(_ context.Context, c netcfg.Config) error {
	n.done = append(n.done, "apply "+c.Interface)
	if !c.Zero() {
		n.config = c
	}
	n.log.Info("a word", "script", "connect")
	n.log.Warn("a warning")
	return n.err
}

func (n *noted) Reconnecting(context.Context) error {
	n.done = append(n.done, "reconnecting")
	return nil
}

func (n *noted) Reconnected(context.Context) error {
	n.done = append(n.done, "reconnected")
	return nil
}

// pair is a helper and who works it; after Close what was done is complete.
func pair(t *testing.T, log *slog.Logger) (*Helper, *noted, tun.Device) {
	t.Helper()
	here, there := net.Pipe()
	collected := &collector{level: slog.LevelInfo}
	n := &noted{log: slog.New(collected)}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		h := &helper{device: "tun7", system: n, log: collected, setMTU: func(name string, size int) error {
			n.done = append(n.done, fmt.Sprint("mtu ", name, " ", size))
			return nil
		}}
		h.obey(json.NewDecoder(there), json.NewEncoder(there), func() {})
	}()
	dev, kernel := tun.NewChannel("tun7", 1400)
	return newHelper(dev, log, here, func() error { <-ended; return nil }), n, kernel
}

// What is asked for is done, on the device that was settled, and undone at the end.
func TestOrders(t *testing.T) {
	var said bytes.Buffer
	h, n, _ := pair(t, slog.New(slog.NewTextHandler(&said, nil)))
	wanted := netcfg.Config{Interface: "eth0", Gateway: netip.MustParseAddr("192.0.2.1"), MTU: 1300, Addresses: []netip.Prefix{netip.MustParsePrefix("10.0.0.7/24")},
		Routes: []netip.Prefix{netip.MustParsePrefix("::/0")}, DNS: []netip.Addr{netip.MustParseAddr("fd00::1")}, Search: []string{"a.test"}, Banner: "hello\n",
		Expires: time.Unix(1e9, 0).UTC(), IdleTimeout: time.Hour, ScriptOptions: []netcfg.Pair{{Key: "X-CSTP-A", Value: "b"}}}
	device, err := h.Device(wanted)
	if err != nil {
		t.Fatal(err)
	}
	for _, err := range []error{device.SetMTU(1280), h.Apply(t.Context(), wanted), h.Reconnecting(t.Context()), h.Reconnected(t.Context()), h.Apply(t.Context(), netcfg.Config{})} {
		if err != nil {
			t.Error(err)
		}
	}
	if err := h.order(order{Do: "reboot"}); err == nil || err.Error() != errOrder.Error() {
		t.Error(err)
	}
	if err := h.Close(); err != nil {
		t.Error(err)
	}
	if want := []string{"mtu tun7 1280", "apply tun7", "reconnecting", "reconnected", "apply ", "apply "}; !slices.Equal(n.done, want) {
		t.Errorf("done was %q, want %q", n.done, want)
	}
	if wanted.Interface = "tun7"; !reflect.DeepEqual(n.config, wanted) {
		t.Errorf("applied was %+v, want %+v", n.config, wanted)
	}
	for _, line := range []string{`level=INFO msg="a word" script=connect`, `level=WARN msg="a warning"`} {
		if !strings.Contains(said.String(), line) {
			t.Errorf("%s is not in\n%s", line, said.String())
		}
	}
	if err := h.Reconnecting(t.Context()); err == nil || !strings.Contains(err.Error(), "has ended") {
		t.Error(err)
	}
}

// Why something failed is told as it was.
func TestFailure(t *testing.T) {
	h, n, _ := pair(t, slog.New(slog.DiscardHandler))
	n.err = fmt.Errorf("outer: %w", diag.New(diag.Protocol, "unusable", "because"))
	err := h.Apply(t.Context(), netcfg.Config{Interface: "tun7"})
	if d := diag.Of(err); d.Code != diag.Protocol || d.Summary != "unusable" || d.Detail != "because" {
		t.Errorf("%+v", d)
	}
	if err := h.Close(); err != nil {
		t.Error(err)
	}
}

// flood never ends a message.
type flood struct{ read, most int }

func (f *flood) Read(b []byte) (int, error) {
	if f.read > f.most {
		return 0, errors.New("enough was read")
	}
	copy(b, bytes.Repeat([]byte("a"), len(b)))
	if f.read == 0 {
		b[0] = '"'
	}
	f.read += len(b)
	return len(b), nil
}

func (f *flood) Write(b []byte) (int, error) { return len(b), nil }

// A message that is too long is the last one.
func TestMessagesAreBounded(t *testing.T) {
	f := &flood{most: 2 * maxMessage}
	serve(f)
	if f.read > maxMessage+(1<<20) || f.read < maxMessage/2 {
		t.Errorf("%d bytes were read", f.read)
	}
}
