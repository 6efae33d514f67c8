package sdk_test

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"testing"

	"github.com/penstock-vpn/penstock/sdk"
	"github.com/penstock-vpn/penstock/sdk/diag"
	"github.com/penstock-vpn/penstock/sdk/framing"
	"github.com/penstock-vpn/penstock/sdk/plugintest"
)

// layout is an eight-octet header like that of CSTP.
var layout = framing.Spec{
	Header: []byte{'S', 'T', 'F', 1, 0, 0, 0, 0}, Length: framing.Field{Offset: 4, Width: 2},
	Type: framing.Field{Offset: 6, Width: 1}, MaxPayload: 16384,
}

const head = "HTTP/1.1 200 OK\r\n\r\n"

func packetFrame(payload []byte) []byte {
	header := []byte{'S', 'T', 'F', 1, byte(len(payload) >> 8), byte(len(payload)), 0, 0}
	return append(header, payload...)
}

// attacher reads the head through a buffer of size octets, says READY and attaches.
func attacher(size int) connect {
	return negotiating(func(ctx context.Context, s *sdk.Session) error {
		conn, err := s.OpenTLS(ctx, "vpn.example.com", 443, sdk.TLSOptions{})
		if err != nil {
			return err
		}
		r := bufio.NewReaderSize(conn, size)
		for line := ""; line != "\r\n"; {
			if line, err = r.ReadString('\n'); err != nil {
				return err
			}
		}
		if _, err := io.WriteString(conn, "READY"); err != nil {
			return err
		}
		over, _ := r.Peek(r.Buffered())
		if _, err := s.Attach(ctx, conn, over, layout, sdk.AttachOptions{}); err != nil {
			return err
		}
		for e := range s.Events() {
			if _, ok := e.(sdk.Stop); ok {
				return nil
			}
		}
		return nil
	})
}

// TestHandoverLosesNothing cuts what the gateway sends at every octet: the first part
// comes as one write, the rest at once or only when the path is attached.
func TestHandoverLosesNothing(t *testing.T) {
	plugintest.CheckLeaks(t)
	payloads := [][]byte{[]byte("first"), {}, bytes.Repeat([]byte{0xa5}, 40), []byte("last")}
	sent := []byte(head)
	for _, p := range payloads {
		sent = append(sent, packetFrame(p)...)
	}
	for _, size := range []int{16, 64, 4096} {
		for cut := 1; cut <= len(sent); cut++ {
			for _, late := range []bool{false, true} {
				if late && cut < len(head) {
					continue // without its head there is no attaching
				}
				ok := t.Run(fmt.Sprintf("buffer %d, cut %d, late %t", size, cut, late), func(t *testing.T) {
					handOver(t, attacher(size), sent[:cut], sent[cut:], late, payloads)
				})
				if !ok {
					return // the others would wait as long for the same
				}
			}
		}
	}
}

func handOver(t *testing.T, p sdk.Plugin, before, after []byte, late bool, want [][]byte) {
	attached, heard := make(chan struct{}), make(chan []byte, 1)
	h := plugintest.NewHost(t)
	h.Gateway("tls", "vpn.example.com:443", func(c net.Conn) {
		_, _ = c.Write(before)
		if late {
			<-attached
		}
		_, _ = c.Write(after)
		up := make([]byte, len("READY")+len(packetFrame([]byte("up"))))
		_, _ = io.ReadFull(c, up)
		heard <- up
		_, _ = io.Copy(io.Discard, c)
	})
	run := h.Run(p, plugintest.Profile{})
	path := run.Path()
	close(attached)
	for i, payload := range want {
		if got := path.Packet(); !bytes.Equal(got, payload) {
			t.Fatalf("packet %d is %q, want %q", i, got, payload)
		}
	}
	path.Send([]byte("up"))
	if got, want := <-heard, append([]byte("READY"), packetFrame([]byte("up"))...); !bytes.Equal(got, want) {
		t.Errorf("the gateway heard %q, want %q", got, want)
	}
	run.Stop(false)
	if err := run.Wait(); err != nil {
		t.Error(err)
	}
}

// The host may hold more than the sockets do when the plugin attaches.
func TestHandoverOfMoreThanSocketsHold(t *testing.T) {
	plugintest.CheckLeaks(t)
	var want [][]byte
	sent := []byte(head)
	for i := range 60 {
		want = append(want, bytes.Repeat([]byte{byte(i)}, 16000))
		sent = append(sent, packetFrame(want[i])...)
	}
	handOver(t, attacher(16), sent, nil, false, want)
}

func TestAttachRefusesWhatCannotBeHandedOver(t *testing.T) {
	err := session(t, func(h *plugintest.Host) {
		h.Gateway("tls", plugintest.Any, echo)
		h.Gateway("udp", plugintest.Any, echo)
	}, func(ctx context.Context, s *sdk.Session) error {
		stream, err := s.OpenTLS(ctx, "vpn.example.com", 443, sdk.TLSOptions{})
		if !check(t, "open", err) {
			return nil
		}
		_, err = s.Attach(ctx, stream, make([]byte, 1<<20+1), layout, sdk.AttachOptions{})
		wantCode(t, err, diag.Protocol)
		if _, err := stream.Write([]byte("x")); err == nil {
			t.Error("a transport can be written after an Attach that failed")
		}
		packets, err := s.OpenUDP(ctx, "vpn.example.com", 443)
		if !check(t, "open", err) {
			return nil
		}
		_, err = s.Attach(ctx, packets, []byte("over"), framing.Spec{}, sdk.AttachOptions{})
		wantCode(t, err, diag.Invalid)
		_, err = s.Attach(ctx, packets, nil, framing.Spec{MaxPayload: -1}, sdk.AttachOptions{})
		if err == nil {
			t.Error("a framing that contradicts itself was attached")
		}
		return nil
	})
	if err != nil {
		t.Error(err)
	}
}

// A Read that is under way ends; what Attach reads goes to the host alone.
func TestAttachEndsAReadUnderWay(t *testing.T) {
	err := session(t, func(h *plugintest.Host) { h.Gateway("tls", plugintest.Any, echo) },
		func(ctx context.Context, s *sdk.Session) error {
			conn, err := s.OpenTLS(ctx, "vpn.example.com", 443, sdk.TLSOptions{})
			if !check(t, "open", err) {
				return nil
			}
			reading := make(chan error)
			go func() {
				reading <- nil
				_, err := conn.Read(make([]byte, 1))
				reading <- err
			}()
			<-reading
			_, err = s.Attach(ctx, conn, nil, layout, sdk.AttachOptions{})
			check(t, "attach", err)
			if err := <-reading; err == nil {
				t.Error("the read under way got data")
			}
			check(t, "close after attach", conn.Close())
			return nil
		})
	if err != nil {
		t.Error(err)
	}
}
