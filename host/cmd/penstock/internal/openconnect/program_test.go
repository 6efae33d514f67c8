package openconnect

import (
	"bytes"
	"context"
	"crypto/x509"
	"encoding/pem"
	"net/netip"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/penstock-vpn/penstock/host"
	"github.com/penstock-vpn/penstock/host/internal/control"
	"github.com/penstock-vpn/penstock/host/internal/testlab/pki"
	"github.com/penstock-vpn/penstock/host/netcfg"
	"github.com/penstock-vpn/penstock/host/ui"
	"github.com/penstock-vpn/penstock/sdk/diag"
	schema "github.com/penstock-vpn/penstock/sdk/option"
	"github.com/penstock-vpn/penstock/sdk/secret"
)

func pipe(t *testing.T) (r, w *os.File) {
	t.Helper()
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = r.Close() })
	return r, w
}

// hostFunc stands for host.Run.
type hostFunc func(host.Profile, ui.Prompter, host.Settings) error

// start runs the program with a host that does as it is told.
func start(t *testing.T, stdin string, h hostFunc, args ...string) (status int, stdout, stderr string) {
	t.Helper()
	t.Setenv("https_proxy", "")
	in := filepath.Join(t.TempDir(), "stdin")
	if err := os.WriteFile(in, []byte(stdin), 0o600); err != nil {
		t.Fatal(err)
	}
	f, err := os.Open(in)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close() //nolint:errcheck // only read from
	var out, errs bytes.Buffer
	p := &Program{
		Name: "openconnect", Version: "1.2.3", Stdin: f, Out: &out, Err: &errs,
		Host: func(_ context.Context, p host.Profile, asker ui.Prompter, _ netcfg.Applier, s host.Settings) error {
			return h(p, asker, s)
		},
		Schema: func(protocol string) (schema.Schema, error) {
			if protocol == "nc" {
				return nil, diag.New(diag.Plugin, "no plugin speaks nc", "Install one.")
			}
			return known(), nil
		},
	}
	return p.Main(t.Context(), args), out.String(), errs.String()
}

func certificate(t *testing.T) *x509.Certificate {
	t.Helper()
	p, err := pki.Write(t.TempDir(), "vpn.test")
	if err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(p.Cert("server"))
	if err != nil {
		t.Fatal(err)
	}
	block, _ := pem.Decode(text)
	cert, err := x509.ParseCertificate(block.Bytes)
	if err != nil {
		t.Fatal(err)
	}
	return cert
}

// hands gives a session out, as a host does.
func hands(cert *x509.Certificate, cookie, gateway, address string) hostFunc {
	return func(_ host.Profile, _ ui.Prompter, s host.Settings) error {
		u, err := url.Parse(gateway)
		if err != nil {
			return err
		}
		addr, _ := netip.ParseAddr(address)
		s.OnLogin(host.Login{Cookie: secret.New(cookie), Gateway: u, Address: addr, Certificate: cert})
		return nil
	}
}

func TestAuthenticate(t *testing.T) {
	cert := certificate(t)
	pin := host.Pin(cert)
	for _, c := range []struct{ gateway, address, want string }{
		{"https://vpn.test/x", "10.77.0.1", "COOKIE='it'\\''s'\nHOST='10.77.0.1'\nCONNECT_URL='https://vpn.test/'\nFINGERPRINT='" + pin + "'\nRESOLVE='vpn.test:10.77.0.1'\n"},
		{"https://vpn.test:8443/", "fd77::1", "COOKIE='it'\\''s'\nHOST='[fd77::1]'\nCONNECT_URL='https://vpn.test:8443/'\nFINGERPRINT='" + pin + "'\nRESOLVE='vpn.test:fd77::1'\n"},
		{"https://vpn.test:443/", "", "COOKIE='it'\\''s'\nHOST='vpn.test'\nCONNECT_URL='https://vpn.test/'\nFINGERPRINT='" + pin + "'\nRESOLVE=''\n"},
	} {
		status, out, errs := start(t, "", hands(cert, "it's", c.gateway, c.address), "--authenticate", "vpn.test")
		if status != 0 || out != c.want || errs != "POST https://vpn.test/\n" {
			t.Errorf("%s: %d\n%s%s", c.gateway, status, out, errs)
		}
	}
	status, out, _ := start(t, "", hands(cert, "abc", "https://vpn.test/", ""), "--cookieonly", "vpn.test")
	if status != 0 || out != "abc\n" {
		t.Errorf("%d %q", status, out)
	}
}

func up(s host.Settings, transport string) {
	s.OnState(host.Status{State: control.Connected, Transport: transport, Cipher: "AES", Interface: "tun0",
		Addresses: []netip.Prefix{netip.MustParsePrefix("10.88.0.5/24"), netip.MustParsePrefix("fd88::5/128")}})
}

// What is written, and the exit status, for each way a connection may end.
func TestEnds(t *testing.T) {
	const untouched = "Failed to complete authentication\n"
	connects := func(err error) hostFunc {
		return func(_ host.Profile, _ ui.Prompter, s host.Settings) error {
			up(s, "tls")
			return err
		}
	}
	fails := func(d *diag.Diagnostic) hostFunc {
		return func(host.Profile, ui.Prompter, host.Settings) error { return d }
	}
	for name, c := range map[string]struct {
		host   hostFunc
		args   string
		status int
		out    string // ends with
		err    string
	}{
		"cancelled":        {connects(nil), "x", 0, "Configured as 10.88.0.5 + fd88::5/128, with SSL connected and DTLS in progress\nUser cancelled (SIGINT/SIGTERM); exiting.\n", ""},
		"quiet":            {connects(nil), "-q x", 0, "", ""},
		"no DTLS":          {connects(nil), "--no-dtls x", 0, "with SSL connected and DTLS disabled\nUser cancelled (SIGINT/SIGTERM); exiting.\n", ""},
		"never up":         {func(host.Profile, ui.Prompter, host.Settings) error { return nil }, "x", 1, "", untouched},
		"ended by gateway": {connects(diag.New(diag.SessionEnded, "idle", "")), "x", 1, "", "idle\nSession terminated by server; exiting.\n"},
		"cookie died":      {connects(diag.New(diag.AuthRefused, "gone", "")), "x", 2, "", "Cookie was rejected by server; exiting.\n"},
		"lost":             {connects(diag.New(diag.Unreachable, "silence", "try again")), "x", 1, "", "silence\n  try again\nsilence; exiting\n"},
		"program ended":    {connects(diag.New(diag.Unspecified, "the TUN device is gone", "")), "-S -s x x", 1, "", "Client connection terminated; exiting\n"},
		"unreachable":      {fails(diag.New(diag.Unreachable, "no answer", "")), "https://vpn.test/", 1, "", "no answer\nFailed to connect to host vpn.test\nFailed to open HTTPS connection to vpn.test\n" + untouched},
		"refused":          {fails(diag.New(diag.AuthRefused, "wrong password", "")), "x", 1, "", "wrong password\n" + untouched},
		"another pin":      {fails(diag.New(diag.Certificate, "no", "set it to pin-sha256:AAAA=")), "--servercert sha1:aaaa x", 1, "", "None of the 1 fingerprint(s) specified via --servercert match server's certificate: pin-sha256:AAAA=\nFailed to open HTTPS connection to x\n" + untouched},
		"cookie unknown":   {fails(diag.New(diag.AuthRefused, "the session cookie opens no tunnel: unknown", "")), "-C abc x", 2, "", "the session cookie opens no tunnel: unknown\nCreating SSL connection failed\nCookie was rejected by server; exiting.\n"},
		"cookie and busy":  {fails(diag.New(diag.AuthRefused, "the session cookie opens no tunnel: the gateway refuses the tunnel: busy", "")), "-C abc x", 1, "", "busy\nCreating SSL connection failed\nUnknown error; exiting.\n"},
		"no such protocol": {nil, "--protocol=nc x", 1, "", "The VPN protocol 'nc' cannot be had: no plugin speaks nc. Install one.\n"},
		"program missing":  {nil, "-S x", 1, "", "The option --script-tun needs a program that takes the packets: name it with --script\n"},
		"bad token":        {nil, "--token-mode=totp x", 1, "", "Soft token string is invalid\n"},
		"version":          {nil, "-V", 0, "Default vpnc-script (override with --script): built in\n", ""},
		"small MTU":        {connects(nil), "-q -m 3 x", 0, "", "MTU 3 too small\n"},
		"ambiguous":        {nil, "--no x", 1, "logins with two certificates are not known here\n", "'--no-system-trust'\n"},
	} {
		t.Run(name, func(t *testing.T) {
			status, out, errs := start(t, "", c.host, strings.Fields(c.args)...)
			if status != c.status || !strings.HasSuffix(out, c.out) || !strings.HasSuffix(errs, c.err) || c.err == "" && errs != "" {
				t.Errorf("%d\n%s---\n%s", status, out, errs)
			}
		})
	}
}

func TestPrintCookieGoesOn(t *testing.T) {
	status, out, errs := start(t, "", func(p host.Profile, _ ui.Prompter, s host.Settings) error {
		if s.LoginOnly {
			t.Error("the tunnel is not wanted")
		}
		if err := hands(nil, "abc", "https://vpn.test/", "")(p, nil, s); err != nil {
			return err
		}
		up(s, "dtls")
		return nil
	}, "--printcookie", "vpn.test")
	if status != 0 || out != "abc\n" || !strings.Contains(errs, "Established DTLS connection (using Penstock). Ciphersuite (DTLS1.2)-(AES).\n") || !strings.Contains(errs, "DTLS connected\n") {
		t.Errorf("%d %q\n%s", status, out, errs)
	}
}

func TestStatistics(t *testing.T) {
	var out bytes.Buffer
	n := &news{out: &progress{out: &out, verbosity: levelError}, protocol: "gp"}
	n.statistics(host.Status{Transport: "esp", Cipher: "aes256gcm16", RxPackets: 2, RxBytes: 30, TxPackets: 4, TxBytes: 50,
		Addresses: []netip.Prefix{netip.MustParsePrefix("10.0.0.2/32")}})
	if want := "Configured as 10.0.0.2, with SSL disconnected and ESP established\nRX: 2 packets (30 B); TX: 4 packets (50 B)\nESP ciphersuite: aes256gcm16\n"; out.String() != want {
		t.Error(out.String())
	}
}

func TestTimestamp(t *testing.T) {
	_, out, _ := start(t, "", func(_ host.Profile, _ ui.Prompter, s host.Settings) error { up(s, "tls"); return nil }, "--timestamp", "x")
	for line := range strings.Lines(out) {
		if len(line) < 22 || line[0] != '[' || line[20] != ']' {
			t.Errorf("a line without the time: %q", line)
		}
	}
}

// The certificate's question, in the words that wrappers take the pin from.
func TestTrust(t *testing.T) {
	cert := certificate(t)
	for stdin, want := range map[string]bool{"yes\n": true, "what?\nYES\n": true, "no\n": false, "": false} {
		status, out, errs := start(t, stdin, func(_ host.Profile, _ ui.Prompter, s host.Settings) error {
			ok, err := s.Trust(t.Context(), "vpn.test", []*x509.Certificate{cert}, nil)
			if ok != want || err != nil {
				t.Errorf("%q: %v %v", stdin, ok, err)
			}
			return nil
		}, "vpn.test")
		if status != 1 || !strings.Contains(out, "Server certificate verify failed: signer not found\n") ||
			!strings.Contains(errs, "\nCertificate from VPN server \"vpn.test\" failed verification.\nReason: signer not found\n"+
				"To trust this server in future, perhaps add this to your command line:\n    --servercert "+host.Pin(cert)+"\nEnter 'yes' to accept, 'no' to abort; anything else to view: ") {
			t.Errorf("%d %s\n%s", status, out, errs)
		}
	}
	for name, want := range map[string]string{"vpn.test": "signer not found", "other.test": "certificate does not match hostname"} {
		if got := reason(name, cert, cert.NotBefore); got != want {
			t.Errorf("%s: %s", name, got)
		}
	}
	if got := reason("vpn.test", cert, cert.NotAfter.AddDate(1, 0, 0)); got != "certificate expired" {
		t.Error(got)
	}
}
