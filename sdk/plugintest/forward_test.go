package plugintest

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/penstock-vpn/penstock/sdk"
	"github.com/penstock-vpn/penstock/sdk/framing"
)

func TestForwardLeadsToRealServers(t *testing.T) {
	web := httptest.NewTLSServer(http.NotFoundHandler())
	t.Cleanup(web.Close)
	packets, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = packets.Close() })
	go func() {
		buffer := make([]byte, 100)
		for {
			n, from, err := packets.ReadFrom(buffer)
			if err != nil {
				return
			}
			_, _ = packets.WriteTo(buffer[:n], from)
		}
	}()
	h := NewHost(t)
	h.Forward("tls", "vpn.example.com:443", web.Listener.Addr().String())
	h.Forward("udp", "vpn.example.com:500", packets.LocalAddr().String())
	err = h.Run(connect(func(ctx context.Context, s *sdk.Session) error {
		if err := s.Phase(sdk.Negotiating); err != nil {
			return err
		}
		conn, err := s.OpenTLS(ctx, "vpn.example.com", 443, sdk.TLSOptions{})
		if err != nil {
			return err
		}
		if _, err := io.WriteString(conn, "GET / HTTP/1.0\r\n\r\n"); err != nil {
			return err
		}
		answer, err := io.ReadAll(conn)
		if len(answer) < 12 || string(answer[9:12]) != "404" {
			t.Errorf("the server answered %q, %v", answer, err)
		}
		udp, err := s.OpenUDP(ctx, "vpn.example.com", 500)
		if err != nil {
			return err
		}
		for _, datagram := range []string{"one", "three"} {
			if _, err := io.WriteString(udp, datagram); err != nil {
				return err
			}
			buffer := make([]byte, 100)
			if n, err := udp.Read(buffer); err != nil || string(buffer[:n]) != datagram {
				t.Errorf("got %q back, %v", buffer[:n], err)
			}
		}
		return nil
	}), Profile{}).Wait()
	if err != nil {
		t.Error(err)
	}
}

// A path obeys the rules that need no clock, and tells the plugin of the rest.
func TestPathsObeyRules(t *testing.T) {
	const _, question, answer, noise, news = 0, 1, 2, 3, 4
	spec := framing.Spec{Header: []byte{0}, Type: framing.Field{Width: 1}, Rules: framing.Rules{
		Replies: []framing.Reply{{Match: question, With: answer}}, Ignore: []uint32{noise},
	}}
	attached, heard := make(chan struct{}), make(chan string, 2)
	h := NewHost(t)
	h.Gateway("udp", Any, func(c net.Conn) {
		<-attached // what comes before is lost, as datagrams may be
		for _, datagram := range []string{"\x01ping", "\x03noise", "\x04news", "\x00packet"} {
			_, _ = io.WriteString(c, datagram)
		}
		buffer := make([]byte, 100)
		for range cap(heard) {
			n, _ := c.Read(buffer)
			heard <- string(buffer[:n])
		}
	})
	event := make(chan sdk.Event, 1)
	run := h.Run(connect(func(ctx context.Context, s *sdk.Session) error {
		if err := errors.Join(s.Phase(sdk.Negotiating), s.Configure(ctx, sdk.NetConfig{})); err != nil {
			return err
		}
		conn, err := s.OpenUDP(ctx, "vpn.example.com", 1)
		if err != nil {
			return err
		}
		if _, err := s.Attach(ctx, conn, nil, spec, sdk.AttachOptions{}); err != nil {
			return err
		}
		event <- <-s.Events()
		return nil
	}), Profile{})
	path := run.Path()
	close(attached)
	if got := string(path.Packet()); got != "packet" {
		t.Errorf("packet %q", got)
	}
	if got, ok := (<-event).(sdk.ControlFrame); !ok || got.Type != news || string(got.Payload) != "news" {
		t.Errorf("event %+v", got)
	}
	path.Send([]byte("up"))
	for _, want := range []string{"\x02ping", "\x00up"} {
		if got := <-heard; got != want {
			t.Errorf("the gateway heard %q, want %q", got, want)
		}
	}
	if err := run.Wait(); err != nil {
		t.Error(err)
	}
}
