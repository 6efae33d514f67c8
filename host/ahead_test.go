package host

import (
	"context"
	"crypto/x509"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strconv"
	"testing"
	"time"

	"github.com/penstock-vpn/penstock/host/internal/registry"
	"github.com/penstock-vpn/penstock/host/internal/transport"
	"github.com/penstock-vpn/penstock/sdk/option"
)

// gatewayFor is a TLS server and a connection that was told of it; hungUp gets a word
// for each connection that it sees closed.
func gatewayFor(t *testing.T, gateway string) (c *connection, port int, hungUp <-chan struct{}) {
	t.Helper()
	closed := make(chan struct{}, 8)
	server := httptest.NewUnstartedServer(nil)
	server.Config.ErrorLog = log.New(io.Discard, "", 0)
	server.Config.ConnState = func(_ net.Conn, s http.ConnState) {
		if s == http.StateClosed {
			closed <- struct{}{}
		}
	}
	server.StartTLS()
	t.Cleanup(server.Close)
	u, err := url.Parse(server.URL)
	if err != nil {
		t.Fatal(err)
	}
	port, _ = strconv.Atoi(u.Port())
	trust := func(context.Context, string, []*x509.Certificate, error) (bool, error) { return true, nil }
	return &connection{
		profile: Profile{Protocol: "test"}, options: option.Values{"gateway": fmt.Sprintf(gateway, port)},
		dialer: transport.New(transport.Config{ConfirmCertificate: trust}),
	}, port, closed
}

func manifestOf(port int) registry.Manifest {
	return registry.Manifest{Protocols: []registry.Protocol{{Name: "other", TLSPort: 1}, {Name: "test", TLSPort: port}}}
}

func TestAhead(t *testing.T) {
	c, port, _ := gatewayFor(t, "https://127.0.0.1:%d/group")
	c.ahead = c.dialAhead(manifestOf(443))
	made := c.ahead
	for _, other := range []struct {
		host string
		port int
		o    transport.TLSOptions
	}{{"127.0.0.2", port, transport.TLSOptions{}}, {"127.0.0.1", 443, transport.TLSOptions{}}, {"127.0.0.1", port, transport.TLSOptions{ClientCertificate: true}}} {
		if c.take(other.host, other.port, other.o) != nil {
			t.Errorf("%+v was taken for the gateway", other)
		}
	}
	dial := c.take("127.0.0.1", port, transport.TLSOptions{})
	if dial == nil || c.take("127.0.0.1", port, transport.TLSOptions{}) != nil {
		t.Fatal("it is there once")
	}
	got, err := dial(t.Context())
	if err != nil || got != opened(made.stream) {
		t.Fatalf("got %v, %v", got, err)
	}
	got.Close()
}

// One that waited too long is replaced.
func TestStaleAhead(t *testing.T) {
	c, port, _ := gatewayFor(t, "127.0.0.1:%d")
	c.ahead = c.dialAhead(manifestOf(443))
	made := c.ahead
	<-made.done
	made.at = time.Now().Add(-2 * freshness)
	got, err := c.take("127.0.0.1", port, transport.TLSOptions{})(t.Context())
	if err != nil || got == opened(made.stream) {
		t.Fatalf("got %v, %v", got, err)
	}
	got.Close()
}

func TestAheadThatNobodyTakes(t *testing.T) {
	c, _, hungUp := gatewayFor(t, "127.0.0.1:%d")
	if c.dialAhead(manifestOf(0)) != nil {
		t.Error("a protocol without TLS was dialled")
	}
	made := c.dialAhead(manifestOf(443))
	<-made.done
	<-hungUp // before the certificate was accepted
	made.drop()
	select {
	case <-hungUp:
	case <-time.After(time.Minute):
		t.Error("the connection is still open")
	}
	c.options["gateway"] = "https://%zz"
	if c.dialAhead(manifestOf(443)) != nil {
		t.Error("a gateway that is none was dialled")
	}
	(*ahead)(nil).drop()
}
