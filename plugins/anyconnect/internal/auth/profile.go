package auth

import (
	"context"
	"crypto/sha1"
	"encoding/hex"
	"fmt"
	"net/url"
	"strings"

	"github.com/penstock-vpn/penstock/plugins/internal/aggregate"
	"github.com/penstock-vpn/penstock/plugins/internal/httpc"
	"github.com/penstock-vpn/penstock/sdk/diag"
)

// Manifest says where the gateway keeps the user's profile, and its SHA-1.
type Manifest struct {
	URI  string
	SHA1 string // 40 hex digits
}

// Profile is what this client uses of a profile: the list of gateways.
type Profile struct {
	Servers []Server
}

// Server is one entry of the list.
type Server struct {
	Name    string // for people; also what the option names
	Address string // host name, or an address with a path
	Group   string // path below the address
}

const maxServers = 512

// manifestIn reads the vpn-profile-manifest of a config element, if there is one.
func manifestIn(config *aggregate.Element) Manifest {
	if config == nil {
		return Manifest{}
	}
	for _, manifest := range config.Children {
		if manifest.Name != "vpn-profile-manifest" {
			continue
		}
		for _, vpn := range manifest.Children {
			for _, file := range vpn.Children {
				if file.Name == "file" && file.Is("type", "profile") && file.Is("service-type", "user") {
					return manifestFile(file)
				}
			}
		}
	}
	return Manifest{}
}

func manifestFile(file *aggregate.Element) Manifest {
	uri, hash := file.Child("uri"), file.Child("hash")
	if uri == nil || hash == nil || hash.Attrs["type"] != "" && !hash.Is("type", "sha1") {
		return Manifest{}
	}
	return Manifest{URI: strings.TrimSpace(uri.Text), SHA1: strings.TrimSpace(hash.Text)}
}

// manifestInCookie reads the webvpnc cookie: parts joined by '&', of which bu is the
// base, fu the file and fh its hash.
func manifestInCookie(value string) Manifest {
	parts := map[string]string{}
	for _, part := range strings.Split(value, "&") {
		if key, v, ok := strings.Cut(part, ":"); ok {
			parts[key] = v
		}
	}
	file, err := url.PathUnescape(parts["fu"])
	if err != nil || parts["fu"] == "" || parts["fh"] == "" {
		return Manifest{}
	}
	return Manifest{URI: parts["bu"] + file, SHA1: parts["fh"]}
}

// PostAuthManifest reads the document that comes with the tunnel, which repeats the
// one at the end of a login. A document that cannot be read names no profile.
func PostAuthManifest(text string) Manifest {
	root, err := aggregate.ParseXML([]byte(text))
	if err != nil {
		return Manifest{}
	}
	return manifestIn(root.Child("config"))
}

// FetchProfile gets the profile from the gateway and checks that it is the one that
// the manifest means.
func FetchProfile(ctx context.Context, c *httpc.Client, gateway *url.URL, m Manifest) (Profile, error) {
	u, err := gateway.Parse(m.URI)
	if err != nil || u.Hostname() != gateway.Hostname() || u.Scheme != "https" {
		return Profile{}, diag.Newf(diag.Protocol, "the profile's address is none of the gateway")
	}
	r, err := c.Do(ctx, "GET", u, nil, nil)
	if err != nil {
		return Profile{}, err
	}
	if r.Status != 200 {
		return Profile{}, diag.Newf(diag.Protocol, "the gateway names a profile but answers with status %d for it", r.Status)
	}
	sum := sha1.Sum(r.Body)
	if !strings.EqualFold(hex.EncodeToString(sum[:]), m.SHA1) {
		return Profile{}, diag.Newf(diag.Protocol, "the profile's SHA-1 is not the one that the gateway names")
	}
	return parseProfile(r.Body)
}

// parseProfile reads AnyConnectProfile/ServerList/HostEntry.
func parseProfile(body []byte) (Profile, error) {
	root, err := aggregate.ParseXML(body)
	if err != nil {
		return Profile{}, err
	}
	list := root.Child("ServerList")
	if list == nil {
		return Profile{}, nil
	}
	var p Profile
	for _, e := range list.Children {
		if e.Name != "HostEntry" {
			continue
		}
		if len(p.Servers) == maxServers {
			return Profile{}, diag.Newf(diag.Protocol, "the profile lists more than %d gateways", maxServers)
		}
		if s := serverIn(e); s.Name != "" || s.Address != "" {
			p.Servers = append(p.Servers, s)
		}
	}
	return p, nil
}

func serverIn(e *aggregate.Element) Server {
	var s Server
	for _, c := range e.Children {
		text := strings.TrimSpace(c.Text)
		switch c.Name {
		case "HostName":
			s.Name = text
		case "HostAddress":
			s.Address = text
		case "UserGroup":
			s.Group = text
		}
	}
	if s.Address == "" {
		s.Address = s.Name
	}
	return s
}

// URL is the gateway's address as a login takes it.
func (s Server) URL() (*url.URL, error) {
	text := s.Address
	if !strings.Contains(text, "://") {
		text = "https://" + text
	}
	u, err := url.Parse(text)
	if err != nil || u.Scheme != "https" || u.Hostname() == "" {
		return nil, fmt.Errorf("the profile's gateway %q has no address that can be used", s.Name)
	}
	u.Path = "/" + strings.TrimPrefix(u.Path, "/")
	if s.Group != "" {
		u = u.JoinPath(s.Group)
	}
	return u, nil
}

// Find returns the server of that name, compared without case.
func (p Profile) Find(name string) (Server, bool) {
	for _, s := range p.Servers {
		if strings.EqualFold(s.Name, name) {
			return s, true
		}
	}
	return Server{}, false
}
