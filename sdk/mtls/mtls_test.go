package mtls

import (
	"crypto/tls"
	"crypto/x509"
	"net"
	"testing"
)

// meet has both ends shake hands and returns their errors.
func meet(host, plugin *tls.Config) (hostErr, pluginErr error) {
	a, b := net.Pipe()
	defer a.Close() //nolint:errcheck // of a test
	done := make(chan error)
	go func() {
		c := tls.Server(b, plugin)
		err := c.Handshake()
		_ = b.Close()
		done <- err
	}()
	c := tls.Client(a, host)
	hostErr = c.Handshake()
	if hostErr == nil {
		_, _ = c.Read(make([]byte, 1)) // the plugin's verdict on us comes with it
	}
	_ = a.Close()
	return hostErr, <-done
}

func pair(t *testing.T) (host, plugin *tls.Config, pluginCert []byte) {
	t.Helper()
	host, pem, err := Host()
	if err != nil {
		t.Fatal(err)
	}
	plugin, pluginCert, err = Plugin(pem)
	if err != nil {
		t.Fatal(err)
	}
	return host, plugin, pluginCert
}

// trust is what go-plugin does with the certificate in the handshake line.
func trust(t *testing.T, host *tls.Config, der []byte) {
	t.Helper()
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	host.RootCAs = x509.NewCertPool()
	host.RootCAs.AddCert(cert)
}

func TestBothEndsKnowEachOther(t *testing.T) {
	host, plugin, cert := pair(t)
	trust(t, host, cert)
	if a, b := meet(host, plugin); a != nil || b != nil {
		t.Errorf("host: %v, plugin: %v", a, b)
	}
}

func TestAStrangerIsRefused(t *testing.T) {
	host, plugin, _ := pair(t)
	_, otherPlugin, otherCert := pair(t)
	if err, _ := meet(host, plugin); err == nil {
		t.Error("a plugin without a certificate in its handshake line was trusted")
	}
	trust(t, host, otherCert)
	if err, _ := meet(host, plugin); err == nil {
		t.Error("another plugin was trusted")
	}
	if _, err := meet(host, otherPlugin); err == nil {
		t.Error("another host was trusted")
	}
	if _, _, err := Plugin([]byte("no certificate")); err == nil {
		t.Error("a host without a certificate was trusted")
	}
}
