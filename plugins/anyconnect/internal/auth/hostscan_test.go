package auth

import (
	"crypto/x509"
	"net/http"
	"reflect"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/penstock-vpn/penstock/sdk"
	"github.com/penstock-vpn/penstock/sdk/diag"
)

const scanWanted = `<config-auth><auth id="main"><message>Scan</message></auth><host-scan><host-scan-ticket>T1CKET</host-scan-ticket><host-scan-token>T0KEN</host-scan-token>` +
	`<host-scan-base-uri>/CACHE</host-scan-base-uri><host-scan-wait-uri>/+CSCOE+/sdesktop/wait.html</host-scan-wait-uri></host-scan></config-auth>`

const waiting = `<html><head><meta http-equiv="Refresh" content="1"></head></html>`

func TestHostScan(t *testing.T) {
	s := newStage(t, "https://vpn.test:8443/", map[string][]string{"program": {"0"}, "username": {"alice"}, "password": {"secret"}},
		turn{body: scanWanted},
		turn{status: 302, header: []string{"Location: /done"}, check: func(t *testing.T, r *http.Request, _ string) {
			if r.URL.Path != "/+CSCOE+/sdesktop/wait.html" || r.Header.Get("Cookie") != "sdesktop=T0KEN" {
				t.Errorf("asked %s with %v", r.URL, r.Header)
			}
		}},
		turn{body: userForm, check: has(`type="init"`)},
		turn{body: success, check: has("<host-scan-token>T0KEN</host-scan-token>")})
	s.config.CSDWrapper = true
	leaf := &x509.Certificate{Raw: []byte("certificate"), RawSubjectPublicKeyInfo: []byte("key")}
	s.config.Peer = func() sdk.Info { return sdk.Info{PeerChain: []*x509.Certificate{leaf}} }
	s.mustLogin(t)
	p := s.person.prompts[0].Program
	want := []string{"", "-ticket", `"T1CKET"`, "-stub", `"0"`, "-group", `""`, "-certhash", `"E0D30CEF5C6139275B58B525001B413C:"`, "-url", `"https://vpn.test/CACHE"`, "-langselen"}
	if !reflect.DeepEqual(p.Args, want) {
		t.Errorf("got  %q\nwant %q", p.Args, want)
	}
	env := [][2]string{{"CSD_SHA256", "LHDhK3oGRvkiefQnx7OObUrSYjMV3lMHbSDtvRp4R6I="}, {"CSD_TOKEN", "T0KEN"}, {"CSD_HOSTNAME", "vpn.test"}}
	if p.Option != "csd-wrapper" || len(p.Env) != 3 || p.Env[1] != env[1] || p.Env[2] != env[2] || len(p.Env[0][1]) != 44 {
		t.Errorf("got %+v", p)
	}
}

func TestHostScanRefusals(t *testing.T) {
	s := newStage(t, "https://vpn.test/", nil, turn{body: scanWanted})
	if _, err := s.login(t); diag.Of(err).Option != "csd-wrapper" || diag.Of(err).Code != diag.AuthRefused {
		t.Errorf("without a program: got %v", err)
	}
	for name, turns := range map[string][]turn{
		"never done": {{body: scanWanted}, {body: waiting}, {body: waiting}, {body: waiting}},
		"error page": {{body: scanWanted}, {status: 500, body: "no"}},
	} {
		synctest.Test(t, func(t *testing.T) {
			s := newStage(t, "https://vpn.test/", map[string][]string{"program": {"1"}}, turns...)
			s.config.CSDWrapper, s.config.WaitPagePauses = true, 3
			if _, err := s.login(t); err == nil || !strings.Contains(err.Error(), "host") {
				t.Errorf("%s: got %v", name, err)
			}
			if len(s.person.lines) != 2 || !strings.Contains(s.person.lines[1], "status 1") {
				t.Errorf("%s: told %q", name, s.person.lines)
			}
		})
	}
	s = newStage(t, "https://vpn.test/", nil, turn{body: strings.Replace(scanWanted, "/+CSCOE+", "https://evil.test/", 1)})
	s.config.CSDWrapper = true
	s.person.answers = map[string][]string{"program": {"0"}}
	if _, err := s.login(t); diag.Of(err).Code != diag.Protocol {
		t.Errorf("a wait page elsewhere: got %v", err)
	}
}
