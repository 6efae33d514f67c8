package auth

import (
	"crypto/sha1"
	"encoding/hex"
	"strings"
	"testing"
)

const profileXML = `<?xml version="1.0" encoding="UTF-8"?><AnyConnectProfile xmlns="http://schemas.xmlsoap.org/encoding/"><ClientInitialization><UseStartBeforeLogon>false</UseStartBeforeLogon></ClientInitialization>` +
	`<ServerList><HostEntry><HostName>Head office</HostName><HostAddress>vpn.test</HostAddress><UserGroup>staff</UserGroup></HostEntry><HostEntry><HostName>branch.test</HostName></HostEntry><HostEntry/></ServerList></AnyConnectProfile>`

func hashed(body string) string {
	sum := sha1.Sum([]byte(body))
	return strings.ToUpper(hex.EncodeToString(sum[:]))
}

func TestFetchProfile(t *testing.T) {
	s := newStage(t, "https://vpn.test/", nil, turn{body: profileXML})
	p, err := FetchProfile(t.Context(), s.config.HTTP, s.config.Gateway, Manifest{URI: "/profiles/a.xml", SHA1: hashed(profileXML)})
	if err != nil || len(p.Servers) != 2 || p.Servers[0] != (Server{"Head office", "vpn.test", "staff"}) || p.Servers[1].Address != "branch.test" {
		t.Fatalf("got %+v, %v", p, err)
	}
	found, ok := p.Find("head OFFICE")
	if u, err := found.URL(); !ok || err != nil || u.String() != "https://vpn.test/staff" || u.RequestURI() != "/staff" {
		t.Errorf("got %v, %v", u, err)
	}
	if _, ok := p.Find("elsewhere"); ok {
		t.Error("found what is not there")
	}
}

func TestFetchProfileRefusals(t *testing.T) {
	for name, test := range map[string]struct {
		m     Manifest
		turns []turn
	}{
		"other hash": {Manifest{"/p.xml", hashed("other")}, []turn{{body: profileXML}}},
		"not there":  {Manifest{"/p.xml", hashed(profileXML)}, []turn{{status: 404}}},
		"elsewhere":  {Manifest{"https://evil.test/p.xml", hashed(profileXML)}, nil},
	} {
		s := newStage(t, "https://vpn.test/", nil, test.turns...)
		if _, err := FetchProfile(t.Context(), s.config.HTTP, s.config.Gateway, test.m); err == nil {
			t.Errorf("%s: was taken", name)
		}
	}
	if _, err := (Server{Address: "http://vpn.test"}).URL(); err == nil {
		t.Error("an address without TLS was taken")
	}
}

func TestManifest(t *testing.T) {
	body := `<config-auth><auth id="success"/><config client="vpn" type="private"><vpn-core-manifest/><vpn-profile-manifest><vpn rev="1.0">` +
		`<file type="profile" service-type="other"><uri>/no</uri><hash>0</hash></file><file type="profile" service-type="user"><uri>/profiles/a.xml</uri><hash type="sha1">ABCD</hash></file></vpn></vpn-profile-manifest></config></config-auth>`
	want := Manifest{"/profiles/a.xml", "ABCD"}
	d, err := parseDocument([]byte(body), "linux-64")
	if err != nil || manifestIn(d.Config) != want {
		t.Errorf("got %+v, %v", manifestIn(d.Config), err)
	}
	if got := PostAuthManifest(body); got != want {
		t.Errorf("with the tunnel: got %+v", got)
	}
	for _, none := range []string{"", "<a/>", strings.Replace(body, "sha1", "md5", 1)} {
		if got := PostAuthManifest(none); got != (Manifest{}) {
			t.Errorf("%q: got %+v", none, got)
		}
	}
}

func FuzzParseProfile(f *testing.F) {
	f.Add([]byte(profileXML))
	f.Add([]byte("<AnyConnectProfile><ServerList><HostEntry><HostName>a</HostName>"))
	f.Fuzz(func(t *testing.T, body []byte) {
		p, err := parseProfile(body)
		if err != nil {
			return
		}
		if len(p.Servers) > maxServers {
			t.Fatalf("%d servers", len(p.Servers))
		}
		for _, s := range p.Servers {
			if u, err := s.URL(); err == nil && (u.Scheme != "https" || u.Hostname() == "") {
				t.Fatalf("%+v leads to %v", s, u)
			}
		}
	})
}
