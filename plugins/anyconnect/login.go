package main

import (
	"context"
	"net"
	"net/url"
	"strings"
	"time"

	"github.com/penstock-vpn/penstock/plugins/anyconnect/internal/auth"
	"github.com/penstock-vpn/penstock/plugins/anyconnect/internal/tunnel"
	"github.com/penstock-vpn/penstock/plugins/internal/aggregate"
	"github.com/penstock-vpn/penstock/plugins/internal/httpc"
	"github.com/penstock-vpn/penstock/sdk"
	"github.com/penstock-vpn/penstock/sdk/diag"
)

// loginTimeout is for one request: a gateway may wait for a person with a phone.
const loginTimeout = 5 * time.Minute

// loggedIn is what a login leaves to the tunnel.
type loggedIn struct {
	result *auth.Result
	keys   *auth.Keys
	kept   tunnel.Conn // the open connection; nil: none
}

// login logs in, and once more at another gateway when the option profile-server names
// one of the profile.
func (o *options) login(ctx context.Context, s *sdk.Session) (*loggedIn, error) {
	in, servers, err := o.loginAt(ctx, s, o.gateway)
	if err != nil || o.profileServer == "" {
		return in, err
	}
	server, found := servers.Find(o.profileServer)
	if !found {
		return nil, diag.New(diag.Config, "the gateway's profile has no gateway "+o.profileServer, "It lists: "+names(servers)+".").With("profile-server")
	}
	next, err := server.URL()
	if err != nil {
		return nil, diag.New(diag.Protocol, err.Error(), "Ask the administrator of the gateway.")
	}
	if next.Host == in.result.Gateway.Host && (server.Group == "" || next.Path == in.result.Gateway.Path) {
		return in, nil
	}
	s.Info("Going on at %s (%s).", server.Name, next.Host)
	if in.kept != nil {
		_ = in.kept.Close()
	}
	in, _, err = o.loginAt(ctx, s, next)
	return in, err
}

// loginAt logs in at one gateway and looks at its profile.
func (o *options) loginAt(ctx context.Context, s *sdk.Session, gateway *url.URL) (*loggedIn, auth.Profile, error) {
	in := &loggedIn{}
	peer := sdk.Info{}
	client := o.client(s, &peer)
	if o.sso != auth.SSONone {
		keys, err := auth.NewKeys()
		if err != nil {
			return nil, auth.Profile{}, err
		}
		announced, err := keys.Announce()
		if err != nil {
			return nil, auth.Profile{}, err
		}
		in.keys, client.Header = keys, append(client.Header, announced...)
	}
	result, err := auth.Login(ctx, auth.Config{
		Gateway: gateway, Group: o.group, Entries: o.entries, PlainForms: o.plainForms,
		Certificate: o.certificate, CSDWrapper: o.csdWrapper, SSO: o.sso,
		Version: o.clientVersion, OS: o.platform, Keys: in.keys,
		Peer: func() sdk.Info { return peer }, HTTP: client, User: s,
	})
	if err != nil {
		client.Close()
		return nil, auth.Profile{}, err
	}
	in.result = result
	profile := auth.Profile{}
	if result.Manifest.URI != "" {
		profile = showProfile(ctx, s, client, result.Gateway, result.Manifest)
	}
	if conn, ok := client.Conn().(*sdk.Transport); ok {
		in.kept = tunnel.Wrap(conn)
	}
	return in, profile, nil
}

// client speaks HTTP with gateways through connections of the host; peer becomes what
// the host tells of the last one.
func (o *options) client(s *sdk.Session, peer *sdk.Info) *httpc.Client {
	c := &httpc.Client{
		Dial: func(ctx context.Context, host string, port int) (net.Conn, error) {
			t, err := s.OpenTLS(ctx, host, port, sdk.TLSOptions{ClientCertificate: o.certificate})
			if err != nil {
				return nil, err
			}
			*peer = t.Info()
			return t, nil
		},
		Header: httpc.Header{
			{Name: "User-Agent", Value: o.userAgent},
			{Name: "Accept", Value: "*/*"},
			{Name: "Accept-Encoding", Value: "identity"},
			{Name: "X-Transcend-Version", Value: "1"},
		},
		Timeout: loginTimeout,
		Fresh:   o.unkept,
		Redact:  aggregate.Redact,
	}
	if s.Trace() {
		c.Trace = s.TraceText
	}
	return c
}

// showProfile fetches the profile and tells which gateways it lists. A profile that
// cannot be had does not stop a connection.
func showProfile(ctx context.Context, s *sdk.Session, c *httpc.Client, gateway *url.URL, m auth.Manifest) auth.Profile {
	p, err := auth.FetchProfile(ctx, c, gateway, m)
	if err != nil {
		s.Warn("The gateway's profile was not read: %v", err)
		return auth.Profile{}
	}
	if len(p.Servers) > 1 {
		s.Info("The gateway's profile lists these gateways: %s. The option profile-server chooses one.", names(p))
	}
	return p
}

func names(p auth.Profile) string {
	var all []string
	for _, s := range p.Servers {
		all = append(all, s.Name)
	}
	if len(all) == 0 {
		return "none"
	}
	return strings.Join(all, ", ")
}

// tunnel are the options of the tunnel.
func (o *options) tunnel(s *sdk.Session) tunnel.Options {
	var option string
	if s.Stored(cookieOption) {
		option = cookieOption
	}
	return tunnel.Options{
		CookieOption: option,
		UserAgent:    o.userAgent, Hostname: o.hostname, Certificate: o.certificate,
		NoIPv6: o.noIPv6, MTU: o.mtu, DPD: o.dpd,
		NoDTLS: o.noDTLS, Suites: o.suites, NoPSK: o.noPSK, Trace: s.Trace(),
		Profile: func(ctx context.Context, gateway *url.URL, m auth.Manifest) {
			c := o.client(s, &sdk.Info{})
			defer c.Close()
			showProfile(ctx, s, c, gateway, m)
		},
	}
}
