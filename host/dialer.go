package host

import (
	"context"
	"crypto/x509"
	"fmt"
	"net/netip"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/penstock-vpn/penstock/host/internal/mtu"
	"github.com/penstock-vpn/penstock/host/internal/netmon"
	"github.com/penstock-vpn/penstock/host/internal/transport"
	"github.com/penstock-vpn/penstock/host/netcfg"
	"github.com/penstock-vpn/penstock/sdk/diag"
	"github.com/penstock-vpn/penstock/sdk/pluginpb"
	"github.com/penstock-vpn/penstock/sdk/prompt"
	"github.com/penstock-vpn/penstock/sdk/secret"
)

// newDialer holds the profile's trust, proxy and client certificate: a plugin never
// sees any of them.
func (c *connection) newDialer(ctx context.Context) (*transport.Dialer, error) {
	config := transport.Config{
		RootCAs: c.options["cacert"], System: systemTrust[c.options["system-trust"]], ConfirmCertificate: c.confirmCertificate,
		// A packet socket sees a batch of datagrams as one, which the network never carries.
		NoOffload: c.options["offload"] == "false" || c.settings.Recorder != nil,
		Around:    c.around, KeyLog: c.settings.Recorder.KeyLog(),
	}
	if pins := c.options["servercert"]; pins != "" {
		config.Pins = strings.Split(pins, ",")
	}
	if names, err := parseOverrides(c.options["resolve"]); err != nil {
		return nil, err
	} else if names != nil {
		config.Resolver = names
	}
	if p := c.options["proxy"]; p != "" {
		u, err := url.Parse(p)
		if err != nil || u.Host == "" {
			return nil, diag.New(diag.Config, "the proxy is no URL", "Write http://[user@]host:port or socks5://[user@]host:port.").With("proxy")
		}
		if password := c.profile.Secrets["proxy-password"]; u.User != nil && !password.Empty() {
			u.User = url.UserPassword(u.User.Username(), password.Reveal())
		}
		config.Proxy = u
	}
	if file := c.options["usercert"]; file != "" {
		cert, err := transport.LoadClientCert(file, c.options["userkey"], func() (secret.String, error) { return c.keyPassword(ctx) })
		if err != nil {
			return nil, err
		}
		c.cert, config.Certificate = cert, cert
		c.warnOfEnd(cert.Leaf())
	}
	return transport.New(config), nil
}

// systemTrust is what the option system-trust means.
var systemTrust = map[string]transport.SystemTrust{"yes": transport.TrustSystem, "no": transport.DistrustSystem}

// around has a socket go outside the tunnel. Who applies the settings is told of a route
// that it should take away; when it has gone the plugin tries again.
func (c *connection) around(to netip.Addr) (device string, err error) {
	c.settings.Recorder.Around(to)
	detour, err := netmon.Around(c.ownInterface(), to)
	if detour.Astray {
		c.post(func() { c.tell(netcfg.Reconnecter.Reconnecting) })
	}
	return detour.Device, err
}

// warnOfEnd tells of a user certificate that ends soon.
func (c *connection) warnOfEnd(cert *x509.Certificate) {
	days, err := strconv.Atoi(c.options["cert-expire-warning"])
	left := time.Until(cert.NotAfter)
	switch end := cert.NotAfter.UTC().Format("2006-01-02 15:04 MST"); {
	case err != nil || days == 0:
	case left <= 0:
		c.log.Warn("the client certificate has expired at " + end)
	case left < time.Duration(days)*24*time.Hour:
		c.log.Warn("the client certificate expires soon, at " + end)
	}
}

// keyPassword is the passphrase of the client's key: the stored one, or the user's answer.
func (c *connection) keyPassword(ctx context.Context) (secret.String, error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	go func() {
		select {
		case <-c.settings.Commands: // whatever it is: there is no connection yet
			cancel()
		case <-ctx.Done():
		}
	}()
	answer, err := c.prompter.Ask(ctx, prompt.Prompt{
		Title: "Client certificate",
		Form: &prompt.Form{ID: "key-password", Fields: []prompt.Field{{
			Name: "key-password", Label: "Passphrase of " + c.options["usercert"], Kind: prompt.Password, Option: "key-password", MayStore: true,
		}}},
	})
	switch {
	case answer.Cancelled || ctx.Err() != nil:
		return secret.String{}, diag.New(diag.Cancelled, "the passphrase of the client's key was not given", "Connect again to be asked again.")
	case err != nil:
		return secret.String{}, err
	}
	return secret.New(answer.Values["key-password"]), nil
}

// confirmCertificate asks the user about a certificate that no authority vouches for.
func (c *connection) confirmCertificate(ctx context.Context, host string, chain []*x509.Certificate, why error) (bool, error) {
	if len(chain) == 0 {
		return false, nil
	}
	if c.settings.Trust != nil {
		return c.settings.Trust(ctx, host, chain, why)
	}
	leaf := chain[0]
	answer, err := c.prompter.Ask(ctx, prompt.Prompt{
		Title: "Certificate of " + host,
		Text: fmt.Sprintf("The gateway's certificate could not be verified.\n%s\n\nSubject: %s\nIssuer:  %s\nValid:   %s to %s\nPin:     %s",
			why, leaf.Subject, leaf.Issuer, leaf.NotBefore.Format("2006-01-02"), leaf.NotAfter.Format("2006-01-02"), transport.Pin(leaf)),
		Confirm: &prompt.Confirm{AcceptLabel: "Trust it for this connection"},
	})
	if err != nil {
		return false, nil // nobody can be asked: the verification's own words are better
	}
	return !answer.Cancelled, nil
}

func (c *connection) dtlsOptions(d *pluginpb.Dtls) (transport.DTLSOptions, error) {
	o := transport.DTLSOptions{SessionID: d.GetSessionId(), CipherSuites: d.GetCipherSuites(), MinPayload: int(mtu.Min(hasIPv6(c.config)))}
	switch s := d.Secret.(type) {
	case *pluginpb.Dtls_Resumption:
		o.MasterSecret = s.Resumption.GetMasterSecret()
	case *pluginpb.Dtls_Psk:
		o.PSKIdentity = s.Psk.GetIdentity()
		switch k := s.Psk.Key.(type) {
		case *pluginpb.Psk_Raw:
			o.PSK = k.Raw
		case *pluginpb.Psk_Exporter:
			key, err := c.keyingMaterial(k.Exporter.GetTransport(), k.Exporter.GetLabel(), nil, k.Exporter.GetLength())
			if err != nil {
				return o, err
			}
			o.PSK = key
		}
	}
	return o, nil
}

// known is what there is to say of a transport that stands: the user may know the way better.
func (c *connection) known(host string, i transport.Info) transport.Info {
	if own, err := strconv.Atoi(c.options["base-mtu"]); err == nil {
		i.PathMTU = own
	}
	if c.settings.OnOpen != nil {
		c.settings.OnOpen(host, i)
	}
	return i
}
