package tunnel

import (
	"context"
	"net"
	"net/url"
	"reflect"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/penstock-vpn/penstock/plugins/anyconnect/internal/auth"
	"github.com/penstock-vpn/penstock/plugins/anyconnect/internal/cstp"
	"github.com/penstock-vpn/penstock/sdk"
)

// crash ends a tunnel as a plugin's death does: nothing is said.
func (h *fakeHost) crash(done <-chan error) {
	h.t.Helper()
	synctest.Wait()
	close(h.events)
	<-done
	h.events = make(chan sdk.Event, 256)
	h.taken()
}

func TestAdoptBothPaths(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newFakeHost(t, grant(append(pskFields, "X-CSTP-Rekey-Time: 100")...))
		h.crash(h.start(allSuites))
		pass(10 * time.Second)
		done := h.resume(allSuites, 1, 2)
		h.expect("10 adopt [1 2]")
		pass(86 * time.Second)
		h.expect("95 tls vpn.test:8443|95 attach tls 3 pref 10 replaces 1 over 0|95 close 2|95 configure mtu 1380|95 dtls vpn.test:4433|95 attach dtls 4 pref 20 replaces 0 over 0")
		h.stop(done, true)
		h.expect(`96 send 3 type 5 "\xb0Client logged out"|96 close 4|96 close 3`)
	})
}

// DTLS needs a key of the TLS connection, and only a connection of this run has one.
func TestAdoptWithoutDTLS(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newFakeHost(t, grant(pskFields...))
		h.crash(h.start(allSuites))
		done := h.resume(allSuites, 1)
		h.expect("0 adopt [1]|0 tls vpn.test:8443|0 attach tls 3 pref 10 replaces 1 over 0|0 configure mtu 1380|0 dtls vpn.test:4433|0 attach dtls 4 pref 20 replaces 0 over 0")
		h.stop(done, false)
	})
}

func TestResumeByCookie(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newFakeHost(t, grant())
		h.crash(h.start(Options{NoDTLS: true}))
		done := h.resume(Options{NoDTLS: true})
		h.expect("0 adopt []|0 phase 2|0 tls vpn.test:8443|0 attach tls 2 pref 10 replaces 0 over 0|0 configure mtu 1400")
		if got := h.request(1).Header.Get("Cookie"); got != "webvpn=C00K1E" {
			t.Errorf("asked with %q", got)
		}
		h.stop(done, false)
	})
}

func TestResumeOfNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for _, checkpoint := range []string{"", "{}", `{"Format":1,"Gateway":"http://x/","Cookie":"c"}`, `{"Format":2,"Gateway":"https://x/","Cookie":"c"}`} {
			h := newFakeHost(t, grant())
			used, err := Resume(t.Context(), h, Options{}, &sdk.Resumption{Checkpoint: []byte(checkpoint)})
			if used || err != nil {
				t.Errorf("%s: %v, %v", checkpoint, used, err)
			}
			h.expect("0 adopt []")
		}
	})
}

// The session's key is replaced with each tunnel, and survives the plugin.
func TestKeyBindingSurvives(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		keys, err := auth.NewKeys()
		if err != nil {
			t.Fatal(err)
		}
		h := newFakeHost(t, grant())
		ended := make(chan error, 1)
		go func() { ended <- Run(t.Context(), h, Options{NoDTLS: true}, loggedIn, keys, nil) }()
		h.crash(ended)
		done := h.resume(Options{NoDTLS: true})
		h.taken()
		first, second := h.request(0).Header.Get("X-Anyconnect-Strap-Pubkey"), h.request(1).Header.Get("X-Anyconnect-Strap-Pubkey")
		if first == "" || second == "" || first == second || h.request(1).Header.Get("X-Anyconnect-Strap-Verify") == "" {
			t.Errorf("keys %q, then %q", first, second)
		}
		h.change(func() { h.binding = nil })
		h.events <- sdk.NetworkChange{Reachable: true}
		h.taken()
		if got := h.request(2).Header.Get("X-Anyconnect-Strap-Verify"); got != "" {
			t.Errorf("proved %q without a binding", got)
		}
		h.stop(done, false)
	})
}

func TestKeptConnection(t *testing.T) {
	for name, broken := range map[string]bool{"good": false, "gone": true} {
		synctest.Test(t, func(t *testing.T) {
			h := newFakeHost(t, grant())
			ours, theirs := net.Pipe()
			kept := &fakeConn{ours, h, h.number(), "tls"}
			h.conns = append(h.conns, ours)
			if broken {
				_ = theirs.Close()
			} else {
				go h.serve(theirs, grant())
			}
			done := make(chan error, 1)
			go func() { done <- Run(t.Context(), h, Options{NoDTLS: true}, loggedIn, nil, kept) }()
			want := "0 phase 2|0 configure mtu 1400|0 attach tls 1 pref 10 replaces 0 over 0"
			if broken {
				want = "0 phase 2|0 tls vpn.test:8443|0 configure mtu 1400|0 attach tls 2 pref 10 replaces 0 over 0"
			}
			t.Log(name)
			h.expect(want)
			h.stop(done, false)
		})
	}
}

func TestProfileNamedWithTheTunnel(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newFakeHost(t, grant(`X-CSTP-Post-Auth-XML: <config-auth><config><vpn-profile-manifest><vpn rev="1.0"><file type="profile" service-type="user"><uri>/p.xml</uri><hash>ABCD</hash></file></vpn></vpn-profile-manifest></config></config-auth>`))
		named := make(chan auth.Manifest, 2)
		done := h.start(Options{NoDTLS: true, Profile: func(_ context.Context, _ *url.URL, m auth.Manifest) { named <- m }})
		h.taken()
		h.events <- sdk.Wake{}
		h.taken()
		if len(named) != 1 || (<-named).URI != "/p.xml" {
			t.Errorf("named %d times", len(named))
		}
		for _, o := range h.settings().ScriptOptions {
			if strings.Contains(o[1], "manifest") {
				t.Errorf("a script sees %v", o)
			}
		}
		h.stop(done, false)
	})
}

func TestLargeSessionsAreKeptWithoutSettings(t *testing.T) {
	s := session{Gateway: loggedIn.Gateway, Cookie: "c", Net: &sdk.NetConfig{Banner: strings.Repeat("x", maxCheckpoint)}}
	data, err := s.append(nil)
	if err != nil || len(data) > maxCheckpoint {
		t.Fatalf("%d bytes, %v", len(data), err)
	}
	again, err := parseSession(data)
	if err != nil || again.Net != nil || again.Cookie != "c" {
		t.Errorf("got %+v, %v", again, err)
	}
}

func FuzzParseSession(f *testing.F) {
	keys, err := auth.NewKeys()
	if err != nil {
		f.Fatal(err)
	}
	full := session{
		Gateway: loggedIn.Gateway, Cookie: "C00K1E", Keys: keys, Banner: "b", TLSPath: 3, DTLSPath: 4,
		Timers: cstp.Timers{DPD: time.Second}, DTLS: cstp.DTLS{Port: 443, PSK: true}, MTU: 1400,
		Net: &sdk.NetConfig{MTU: 1400}, RekeyAt: time.Unix(1, 0), Refused: 1,
	}
	data, err := full.append(nil)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(data)
	f.Add([]byte(`{"Format":1,"Gateway":"https://x/","Cookie":"c"}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		s, err := parseSession(data)
		if err != nil {
			return
		}
		kept, err := s.append(nil)
		if err != nil {
			return // such as a time that JSON cannot write
		}
		again, err := parseSession(kept)
		if err != nil {
			t.Fatalf("%s: %v", kept, err)
		}
		s.Keys, again.Keys = nil, nil
		s.Net, again.Net = nil, nil
		s.RekeyAt, again.RekeyAt = time.Time{}, time.Time{}
		if !reflect.DeepEqual(again, s) {
			t.Fatalf("got  %+v\nwant %+v", again, s)
		}
	})
}
