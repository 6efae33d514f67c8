package sdk_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"os"
	"testing"
	"time"

	"github.com/penstock-vpn/penstock/sdk"
	"github.com/penstock-vpn/penstock/sdk/diag"
	"github.com/penstock-vpn/penstock/sdk/pluginpb"
	"github.com/penstock-vpn/penstock/sdk/plugintest"
)

func echoes(h *plugintest.Host) {
	for _, kind := range []string{"tcp", "tls", "udp", "dtls"} {
		h.Gateway(kind, plugintest.Any, echo)
	}
}

func TestTransportsCarryBothWays(t *testing.T) {
	err := session(t, echoes, func(ctx context.Context, s *sdk.Session) error {
		open := map[string]func() (*sdk.Transport, error){
			"tcp": func() (*sdk.Transport, error) { return s.OpenTCP(ctx, "vpn.example.com", 443) },
			"tls": func() (*sdk.Transport, error) { return s.OpenTLS(ctx, "vpn.example.com", 443, sdk.TLSOptions{}) },
			"udp": func() (*sdk.Transport, error) { return s.OpenUDP(ctx, "vpn.example.com", 443) },
		}
		for kind, open := range open {
			for range 4 { // the descriptor comes first half of the time
				conn, err := open()
				if !check(t, kind, err) {
					return nil
				}
				answer := make([]byte, 10)
				_, err = io.WriteString(conn, "hello")
				check(t, kind, err)
				n, err := conn.Read(answer)
				if check(t, kind, err) && string(answer[:n]) != "hello" {
					t.Errorf("%s: got %q back", kind, answer[:n])
				}
			}
		}
		return nil
	})
	if err != nil {
		t.Error(err)
	}
}

func TestOpenSaysWhatTheHostSaid(t *testing.T) {
	err := session(t, echoes, func(ctx context.Context, s *sdk.Session) error {
		conn, err := s.OpenTLS(ctx, "vpn.example.com", 443, sdk.TLSOptions{})
		if !check(t, "open", err) {
			return nil
		}
		i := conn.Info()
		if i.TLSVersion != "TLS 1.3" || i.Cipher != "TLS_AES_128_GCM_SHA256" || len(i.ChannelBinding) != 32 || i.PathMTU != 1500 || i.Overhead != 70 {
			t.Errorf("info %+v", i)
		}
		if len(i.PeerChain) != 1 || i.PeerChain[0].Subject.CommonName != "vpn.example.com" {
			t.Errorf("chain %v", i.PeerChain)
		}
		if got := conn.RemoteAddr(); got.Network() != "tcp" || got.String() != "192.0.2.2:443" {
			t.Errorf("remote address %v", got)
		}
		key, err := conn.Export(ctx, "EXPORTER-test", []byte("context"), 48)
		if check(t, "export", err) && !bytes.Equal(key, plugintest.Exported("EXPORTER-test", []byte("context"), 48)) {
			t.Errorf("exported %x", key)
		}
		_, err = conn.Export(ctx, "EXPORTER-test", nil, 257)
		wantCode(t, err, diag.Invalid)
		return nil
	})
	if err != nil {
		t.Error(err)
	}
}

func TestTransportIsANetConn(t *testing.T) {
	serve := func(c net.Conn) {
		_ = (&http.Server{Handler: http.NotFoundHandler()}).Serve(&oneConn{c: c, done: make(chan struct{})})
	}
	err := session(t, func(h *plugintest.Host) { h.Gateway("tls", plugintest.Any, serve) },
		func(ctx context.Context, s *sdk.Session) error {
			client := &http.Client{Transport: &http.Transport{
				DialTLSContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
					return s.OpenTLS(ctx, "vpn.example.com", 443, sdk.TLSOptions{})
				},
			}}
			for range 2 {
				answer, err := client.Get("https://vpn.example.com/")
				if !check(t, "get", err) {
					return nil
				}
				_, _ = io.Copy(io.Discard, answer.Body)
				_ = answer.Body.Close()
				if answer.StatusCode != http.StatusNotFound {
					t.Errorf("status %d", answer.StatusCode)
				}
			}
			client.CloseIdleConnections()
			return nil
		})
	if err != nil {
		t.Error(err)
	}
}

// oneConn is a listener with one connection, which ends when that does.
type oneConn struct {
	c    net.Conn
	done chan struct{}
}

type closing struct {
	net.Conn
	done chan struct{}
}

func (c closing) Close() error {
	defer close(c.done)
	return c.Conn.Close()
}

func (l *oneConn) Accept() (net.Conn, error) {
	if c := l.c; c != nil {
		l.c = nil
		return closing{c, l.done}, nil
	}
	<-l.done
	return nil, io.EOF
}
func (l *oneConn) Close() error   { return nil }
func (l *oneConn) Addr() net.Addr { return &net.TCPAddr{} }

func TestDeadlinesAndCloseEndARead(t *testing.T) {
	err := session(t, echoes, func(ctx context.Context, s *sdk.Session) error {
		conn, err := s.OpenTCP(ctx, "vpn.example.com", 443)
		if !check(t, "open", err) {
			return nil
		}
		check(t, "deadline", conn.SetReadDeadline(time.Unix(1, 0)))
		if _, err := conn.Read(make([]byte, 1)); !errors.Is(err, os.ErrDeadlineExceeded) {
			t.Errorf("read past its deadline: %v", err)
		}
		check(t, "deadline", conn.SetDeadline(time.Time{}))
		reading := make(chan error)
		go func() {
			_, err := conn.Read(make([]byte, 1))
			reading <- err
		}()
		check(t, "close", conn.Close())
		if err := <-reading; !errors.Is(err, net.ErrClosed) {
			t.Errorf("read of a closed transport: %v", err)
		}
		check(t, "second close", conn.Close())
		return nil
	})
	if err != nil {
		t.Error(err)
	}
}

func TestTheGatewaysEndIsTheTransportsEnd(t *testing.T) {
	prepare := func(h *plugintest.Host) {
		h.Gateway("tls", plugintest.Any, func(c net.Conn) { _, _ = io.WriteString(c, "bye") })
	}
	err := session(t, prepare, func(ctx context.Context, s *sdk.Session) error {
		conn, err := s.OpenTLS(ctx, "vpn.example.com", 443, sdk.TLSOptions{})
		if !check(t, "open", err) {
			return nil
		}
		all, err := io.ReadAll(conn)
		if check(t, "read", err) && string(all) != "bye" {
			t.Errorf("read %q", all)
		}
		return nil
	})
	if err != nil {
		t.Error(err)
	}
}

func TestRefusedAndCancelledOpens(t *testing.T) {
	prepare := func(h *plugintest.Host) {
		h.Refuse("tcp", plugintest.Any, diag.New(diag.Certificate, "no", "because").With("cacert"))
		h.Hang("tls", plugintest.Any)
	}
	err := session(t, prepare, func(ctx context.Context, s *sdk.Session) error {
		_, err := s.OpenTCP(ctx, "vpn.example.com", 443)
		var d *diag.Diagnostic
		if !errors.As(err, &d) || *d != (diag.Diagnostic{Code: diag.Certificate, Summary: "no", Detail: "because", Option: "cacert"}) {
			t.Errorf("refused with %#v", err)
		}
		ctx, cancel := context.WithCancel(ctx)
		time.AfterFunc(time.Millisecond, cancel)
		if _, err = s.OpenTLS(ctx, "vpn.example.com", 443, sdk.TLSOptions{}); !errors.Is(err, context.Canceled) {
			t.Errorf("cancelled with %v", err)
		}
		return nil
	})
	if err != nil {
		t.Error(err)
	}
}

func TestDTLSCanOnlyBeAttached(t *testing.T) {
	plugintest.CheckLeaks(t)
	h := plugintest.NewHost(t)
	echoes(h)
	run := h.Run(negotiating(func(ctx context.Context, s *sdk.Session) error {
		for _, o := range []sdk.DTLSOptions{{}, {MasterSecret: make([]byte, 48), PSK: &sdk.PSK{}}} {
			_, err := s.OpenDTLS(ctx, "vpn.example.com", 443, o)
			wantCode(t, err, diag.Invalid)
		}
		tls, err := s.OpenTLS(ctx, "vpn.example.com", 443, sdk.TLSOptions{})
		check(t, "open", err)
		conn, err := s.OpenDTLS(ctx, "vpn.example.com", 443, sdk.DTLSOptions{
			SessionID: []byte{1, 2}, PSK: &sdk.PSK{Identity: "psk", ExporterOf: tls, ExporterName: "EXPORTER-x"}, Timeout: 5 * time.Second,
		})
		if !check(t, "open", err) {
			return nil
		}
		if _, err := conn.Write([]byte("x")); err == nil {
			t.Error("a dtls transport was written")
		}
		path, err := s.Attach(ctx, conn, nil, layout, sdk.AttachOptions{Preference: 2})
		if check(t, "attach", err) {
			check(t, "close", path.Close())
		}
		return nil
	}), plugintest.Profile{})
	if path := run.Path(); path.Kind != "dtls" || path.Preference != 2 || path.Spec.Length != layout.Length {
		t.Errorf("attached %+v", path)
	}
	if err := run.Wait(); err != nil {
		t.Error(err)
	}
	o := run.Opens()[1]
	exporter := o.GetDtls().GetPsk().GetExporter()
	if o.GetTimeoutMs() != 5000 || exporter.GetTransport() != run.Opens()[0].GetTransport() || exporter.GetLength() != 32 {
		t.Errorf("opened %v", o)
	}
	if o.GetDtls().GetSecret().(*pluginpb.Dtls_Psk).Psk.GetIdentity() != "psk" {
		t.Errorf("identity of %v", o)
	}
}
