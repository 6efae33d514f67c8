package plugintest

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"strconv"
	"testing"
	"time"

	"github.com/penstock-vpn/penstock/sdk"
	"github.com/penstock-vpn/penstock/sdk/framing"
)

var suiteNames = func() []string {
	names := []string{"aes128gcm16", "aes192gcm16", "aes256gcm16", "chacha20poly1305"}
	for _, cipher := range []string{"aes128", "aes192", "aes256", "3des"} {
		for hash := range espMACs {
			names = append(names, cipher+"-"+hash)
		}
	}
	return names
}()

// keyed is an SA with keys of the right length, each of its own for each SPI.
func keyed(d sdk.Direction, spi uint32, name string) sdk.SA {
	s, _ := espSuiteNamed(name)
	return sdk.SA{
		Direction: d, SPI: spi, Suite: name,
		Key: bytes.Repeat([]byte{byte(spi)}, s.key), AuthKey: bytes.Repeat([]byte{byte(spi >> 8)}, s.authKey),
	}
}

// ends are those of a tunnel: a sends with SPI 0x1001, b with 0x1002.
func ends(t testing.TB, name string, esn bool) (a, b *ESP) {
	t.Helper()
	var all [2]*ESP
	for i := range all {
		out, in := keyed(sdk.Outbound, 0x1001+uint32(i), name), keyed(sdk.Inbound, 0x1002-uint32(i), name)
		out.ESN, in.ESN = esn, esn
		var err error
		if all[i], err = NewESP(out, in); err != nil {
			t.Fatal(err)
		}
	}
	return all[0], all[1]
}

// ipv4 is a packet, as far as its first byte tells.
func ipv4(payload string) []byte { return append([]byte{0x45}, payload...) }

func TestESPCarriesPacketsOfEverySuite(t *testing.T) {
	for _, name := range suiteNames {
		for _, esn := range []bool{false, true} {
			t.Run(name+" "+strconv.FormatBool(esn), func(t *testing.T) {
				a, b := ends(t, name, esn)
				for size := range 40 {
					packet := ipv4(string(make([]byte, size)))
					sealed := a.Seal(packet)
					if got, err := b.Open(sealed); err != nil || !bytes.Equal(got, packet) {
						t.Fatalf("%d bytes: got %x, %v", size, got, err)
					}
					sealed[len(sealed)-1]++
					if _, err := b.Open(sealed); !errors.Is(err, errNotAuthentic) {
						t.Fatalf("a changed packet gives %v", err)
					}
				}
			})
		}
	}
}

func FuzzESPOpen(f *testing.F) {
	sender, _ := ends(f, "aes128-sha1", false)
	f.Add(sender.Seal(ipv4("packet")))
	f.Add([]byte{})
	f.Fuzz(func(t *testing.T, datagram []byte) {
		for _, name := range []string{"aes128-sha1", "aes128gcm16"} {
			_, e := ends(t, name, false)
			if packet, err := e.Open(datagram); err == nil && !bytes.Equal(packet, ipv4("packet")) {
				t.Errorf("%x is opened as %x", datagram, packet)
			}
		}
	})
}

// probing is what finds a dead peer of a path of ESP.
var probing = framing.Spec{Rules: framing.Rules{Dpd: framing.Dpd{After: time.Second}, Probe: framing.Probe{
	Packet: []byte{0x45, 0, 0, 20, 0, 0, 0, 0, 64, 1, 0, 0, 192, 0, 2, 1, 192, 0, 2, 2},
	Answer: []framing.Match{{Offset: 0, Value: []byte{0x45}}, {Offset: 1, Value: []byte("pong")}},
}}}

// onESP is a plugin that attaches ESP and then runs body.
func onESP(spec framing.Spec, body func(context.Context, *sdk.Session, *sdk.Path) error) connect {
	return func(ctx context.Context, s *sdk.Session) error {
		if err := errors.Join(s.Phase(sdk.Negotiating), s.Configure(ctx, sdk.NetConfig{})); err != nil {
			return err
		}
		conn, err := s.OpenUDP(ctx, "vpn.example.com", 4500)
		if err != nil {
			return err
		}
		esp := &sdk.ESP{NATKeepalive: 20 * time.Second, ECN: true, SAs: []sdk.SA{
			keyed(sdk.Outbound, 0x1001, "aes128-sha1"), keyed(sdk.Inbound, 0x1002, "aes128-sha1"),
		}}
		path, err := s.Attach(ctx, conn, nil, spec, sdk.AttachOptions{ESP: esp})
		if err != nil {
			return err
		}
		return body(ctx, s, path)
	}
}

func TestPathsCarryESP(t *testing.T) {
	attached, heard := make(chan struct{}), make(chan []byte, 2)
	_, far := ends(t, "aes128-sha1", false)
	h := NewHost(t)
	h.Gateway("udp", Any, func(c net.Conn) {
		<-attached // what comes before is lost, as datagrams may be
		for _, datagram := range [][]byte{{0xff}, []byte("\x00\x00\x00\x00message"), []byte("nonsense"),
			far.Seal(ipv4("pong")), far.Seal(ipv4("packet"))} {
			_, _ = c.Write(datagram)
		}
		buffer := make([]byte, 100)
		for range cap(heard) {
			n, _ := c.Read(buffer)
			heard <- bytes.Clone(buffer[:n])
		}
		_, _ = io.Copy(io.Discard, c)
	})
	run := h.Run(onESP(probing, func(ctx context.Context, s *sdk.Session, path *sdk.Path) error {
		if e, ok := (<-s.Events()).(sdk.ControlFrame); !ok || e.Type != 0 || string(e.Payload) != "message" {
			t.Errorf("event %+v", e)
		}
		if err := path.Send(0, []byte("answer")); err != nil {
			return err
		}
		if e := <-s.Events(); e != (sdk.SAExpired{Path: path.ID(), SPI: 0x1001, Outbound: true}) {
			t.Errorf("event %+v", e)
		}
		return errors.Join(
			path.InstallSA(ctx, keyed(sdk.Inbound, 0x2002, "aes256gcm16")),
			path.InstallSA(ctx, keyed(sdk.Outbound, 0x2001, "aes256gcm16")),
			path.RemoveSA(ctx, 0x1002), path.RemoveSA(ctx, 0x1002))
	}), Profile{})
	path := run.Path()
	if path.Kind != "esp" || !path.ECN {
		t.Errorf("kind %q, ECN %t", path.Kind, path.ECN)
	}
	close(attached)
	if got := path.Packet(); !bytes.Equal(got, ipv4("packet")) {
		t.Errorf("packet %q", got)
	}
	if got := <-heard; string(got) != "\x00\x00\x00\x00answer" {
		t.Errorf("the gateway heard %q", got)
	}
	path.Send(ipv4("up"))
	if got, err := far.Open(<-heard); err != nil || !bytes.Equal(got, ipv4("up")) {
		t.Errorf("the gateway opened %q, %v", got, err)
	}
	run.Send(sdk.SAExpired{Path: path.ID, SPI: 0x1001, Outbound: true})
	if err := run.Wait(); err != nil {
		t.Error(err)
	}
	if got := path.SAs(); len(got) != 2 || got[0].SPI != 0x2001 || got[1].SPI != 0x2002 {
		t.Errorf("SAs %v", got)
	}
}

func TestWhatNoHostTakesOfESPFails(t *testing.T) {
	short := keyed(sdk.Inbound, 0x2002, "aes128-sha1")
	short.AuthKey = short.AuthKey[1:]
	install := func(sas ...sdk.SA) func(context.Context, *sdk.Path) {
		return func(ctx context.Context, p *sdk.Path) {
			for _, sa := range sas {
				_ = p.InstallSA(ctx, sa)
			}
		}
	}
	var many []sdk.SA
	for i := range uint32(maxInbound) {
		many = append(many, keyed(sdk.Inbound, 0x2000+i, "aes128gcm16"))
	}
	for why, does := range map[string]func(context.Context, *sdk.Path){
		"no such suite":              install(sdk.SA{SPI: 0x2001, Suite: "rot13"}),
		"keys of 16 and 19 bytes":    install(short),
		"SPIs below 256":             install(keyed(sdk.Inbound, 255, "aes128-sha1")),
		"outbound SA 0x00001001 aes": install(keyed(sdk.Outbound, 0x1001, "aes128-sha1")),
		"inbound SA 0x00001002 aes":  install(keyed(sdk.Inbound, 0x1002, "aes128-sha1")),
		"8 inbound SAs":              install(many...),
		"messages of IKE have":       func(_ context.Context, p *sdk.Path) { _ = p.Send(3, []byte("x")) },
	} {
		t.Run(why, func(t *testing.T) {
			mustFail(t, why, func(t testing.TB) {
				h := NewHost(t)
				h.Gateway("udp", Any, func(c net.Conn) { _, _ = io.Copy(io.Discard, c) })
				_ = h.Run(onESP(framing.Spec{}, func(ctx context.Context, _ *sdk.Session, p *sdk.Path) error {
					does(ctx, p)
					return nil
				}), Profile{}).Wait()
			})
		})
	}
}
