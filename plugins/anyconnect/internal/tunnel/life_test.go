package tunnel

import (
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/penstock-vpn/penstock/plugins/anyconnect/internal/cstp"
	"github.com/penstock-vpn/penstock/sdk"
	"github.com/penstock-vpn/penstock/sdk/diag"
)

func TestTunnelAndLogout(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newFakeHost(t, grant(pskFields...)+"STF")
		done := h.start(allSuites)
		h.expect("0 phase 2|0 tls vpn.test:8443|0 configure mtu 1380|0 attach tls 1 pref 10 replaces 0 over 3|0 dtls vpn.test:4433|0 attach dtls 2 pref 20 replaces 0 over 0")
		r := h.request(0)
		if r.Method != "CONNECT" || r.RequestURI != "/CSCOSSLC/tunnel" || r.Header.Get("Cookie") != "webvpn=C00K1E" || r.Header.Get("X-Cstp-Base-Mtu") != "1500" || !strings.HasPrefix(r.Header.Get("X-Dtls-Ciphersuite"), "PSK-NEGOTIATE:") {
			t.Errorf("asked %v", r)
		}
		if k := h.key(0); k.From == nil || string(k.SessionID) != "\x0a\x0b" || k.MasterSecret != nil {
			t.Errorf("key %+v", k)
		}
		if h.settings().Banner != "Hello" || len(h.settings().Routes) != 1 || len(h.settings().ScriptOptions) < 5 {
			t.Errorf("configured %+v", h.config)
		}
		h.stop(done, true)
		h.expect(`0 send 1 type 5 "\xb0Client logged out"|0 close 2|0 close 1`)
	})
}

func TestHangupSaysNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newFakeHost(t, grant())
		done := h.start(Options{NoDTLS: true})
		h.taken()
		h.stop(done, false)
		h.expect("0 close 1")
		if len(h.requests) != 1 || h.request(0).Header.Get("X-Dtls-Master-Secret") != "" {
			t.Errorf("DTLS was offered: %v", h.request(0).Header)
		}
	})
}

// A stop with a logout while the tunnel is still asked for ends the session too.
func TestLogoutBeforeTheTunnel(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newFakeHost(t, "...", grant())
		done := h.start(Options{})
		h.taken()
		h.stop(done, true)
		synctest.Wait()
		if len(h.received) != 1 || !strings.Contains(h.received[0], "Client logged out") || !strings.HasPrefix(h.received[0], "STF\x01") {
			t.Errorf("the gateway got %q", h.received)
		}
	})
}

func TestRekeyReplacesEverything(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newFakeHost(t, grant(append(pskFields, "X-CSTP-Rekey-Time: 30", "X-CSTP-Rekey-Method: ssl")...))
		done := h.start(allSuites)
		h.taken()
		pass(26 * time.Second)
		h.expect("")
		pass(time.Second)
		h.expect("27 tls vpn.test:8443|27 attach tls 3 pref 10 replaces 1 over 0|27 close 2|27 configure mtu 1380|27 dtls vpn.test:4433|27 attach dtls 4 pref 20 replaces 0 over 0")
		if h.request(1).Header.Get("X-Cstp-Address") != "10.0.0.2" {
			t.Errorf("the address was not asked for again: %v", h.request(1).Header)
		}
		h.stop(done, false)
	})
}

// The gateway says goodbye on the old tunnel before it answers for the new one.
func TestFarewellOfAReplacedTunnel(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newFakeHost(t, grant("X-CSTP-Rekey-Time: 30"), "...", grant())
		done := h.start(Options{NoDTLS: true})
		h.taken()
		pass(27 * time.Second)
		h.events <- sdk.ControlFrame{Path: 1, Type: cstp.TypeDisconnect}
		h.events <- sdk.PathEvent{Path: 1, Kind: sdk.PathDead}
		h.expect("27 tls vpn.test:8443")
		h.events <- sdk.NetworkChange{Reachable: true} // gives the silent one up
		h.expect("27 tls vpn.test:8443|27 attach tls 3 pref 10 replaces 0 over 0|27 configure mtu 1400")
		h.events <- sdk.ControlFrame{Path: 1, Type: cstp.TypeDisconnect} // of the past
		h.stop(done, false)
	})
}

func TestRekeyThatFailsIsTriedAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newFakeHost(t, grant("X-CSTP-Rekey-Time: 100", "X-CSTP-Rekey-Method: new-tunnel"), "-", grant())
		done := h.start(Options{NoDTLS: true})
		h.taken()
		pass(200 * time.Second)
		h.expect("95 tls vpn.test:8443|125 tls vpn.test:8443|125 attach tls 2 pref 10 replaces 1 over 0|125 configure mtu 1400")
		h.stop(done, false)
	})
}

func TestLostPathIsOpenedAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newFakeHost(t, grant())
		done := h.start(Options{NoDTLS: true})
		pass(time.Minute)
		h.taken()
		h.events <- sdk.PathEvent{Path: 1, Kind: sdk.PathDead, Reason: "silence"}
		h.expect("60 tls vpn.test:8443|60 attach tls 2 pref 10 replaces 0 over 0|60 configure mtu 1400")
		h.events <- sdk.Wake{}
		h.expect("60 tls vpn.test:8443|60 attach tls 3 pref 10 replaces 2 over 0|60 configure mtu 1400")
		h.events <- sdk.NetworkChange{}
		h.events <- sdk.Suspend{}
		h.expect("")
		h.stop(done, false)
	})
}

func TestTunnelsThatDieAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newFakeHost(t, grant())
		done := h.start(Options{NoDTLS: true})
		for id := uint32(1); id <= quickDeaths; id++ {
			synctest.Wait()
			h.events <- sdk.PathEvent{Path: id, Kind: sdk.PathDead, Reason: "closed"}
		}
		if retry, d := failureOf(t, <-done); retry != sdk.Backoff || d.Code != diag.Unreachable {
			t.Errorf("got %v, %v", retry, d)
		}
	})
}

func TestRefusals(t *testing.T) {
	for name, test := range map[string]struct {
		answer answer
		retry  sdk.Retry // of a tunnel that was up
		code   diag.Code
		says   string
	}{
		"cookie dead": {"HTTP/1.1 401 Unauthorized\r\n\r\n", sdk.Reauth, diag.AuthRefused, "not know the session"},
		"busy":        {"HTTP/1.1 503 Service Unavailable\r\nX-Reason: Maximum reached\r\n\r\n", sdk.Backoff, diag.SessionEnded, "Maximum reached"},
		"no gateway":  {"HTTP/1.1 404 Not Found\r\n\r\n", sdk.Never, diag.Protocol, "404"},
		"garbage":     {"SSH-2.0-OpenSSH\r\n", sdk.Never, diag.Protocol, "no HTTP"},
		"bad header":  {grant("X-CSTP-MTU: 70000"), sdk.Never, diag.Protocol, "X-CSTP-MTU"},
		"unreachable": {"-", sdk.Backoff, diag.Unreachable, "nothing listens"},
		"silent":      {"...", sdk.Backoff, diag.Unreachable, "in time"},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				h := newFakeHost(t, test.answer)
				retry, d := failureOf(t, <-h.start(Options{NoDTLS: true}))
				if retry != sdk.Never || d.Code != test.code || !strings.Contains(d.Error(), test.says) {
					t.Errorf("at first: got %v, %v", retry, d)
				}
				h = newFakeHost(t, grant(), test.answer)
				done := h.start(Options{NoDTLS: true})
				h.taken()
				h.events <- sdk.PathEvent{Path: 1, Kind: sdk.PathDead}
				retry, d = failureOf(t, <-done)
				if retry != test.retry || d.Code != test.code {
					t.Errorf("later: got %v, %v", retry, d)
				}
			})
		})
	}
}

// The second refusal in a row that does not say why is taken for a session that is over.
func TestRefusedTwice(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		busy := answer("HTTP/1.1 503 Service Unavailable\r\n\r\n")
		h := newFakeHost(t, grant(), busy, busy)
		done := h.start(Options{NoDTLS: true})
		h.taken()
		h.events <- sdk.PathEvent{Path: 1, Kind: sdk.PathDead}
		if retry, _ := failureOf(t, <-done); retry != sdk.Backoff {
			t.Errorf("first: %v", retry)
		}
		if retry, _ := failureOf(t, <-h.resume(Options{NoDTLS: true})); retry != sdk.Reauth {
			t.Errorf("second: %v", retry)
		}
	})
}

func TestGatewayEndsTheSession(t *testing.T) {
	for name, test := range map[string]struct {
		frame sdk.ControlFrame
		code  diag.Code
		says  string
	}{
		"disconnect": {sdk.ControlFrame{Path: 1, Type: cstp.TypeDisconnect, Payload: []byte("\xb0Idle timeout")}, diag.SessionEnded, "Idle timeout"},
		"terminate":  {sdk.ControlFrame{Path: 1, Type: cstp.TypeTerminate}, diag.SessionEnded, "no reason given"},
		"compressed": {sdk.ControlFrame{Path: 1, Type: cstp.TypeCompressed, Payload: []byte{1}}, diag.Protocol, "compressed"},
	} {
		synctest.Test(t, func(t *testing.T) {
			h := newFakeHost(t, grant())
			done := h.start(Options{NoDTLS: true})
			h.taken()
			h.events <- sdk.ControlFrame{Path: 1, Type: 77}
			h.events <- test.frame
			if retry, d := failureOf(t, <-done); retry != sdk.Never || d.Code != test.code || !strings.Contains(d.Summary, test.says) {
				t.Errorf("%s: got %v, %v", name, retry, d)
			}
		})
	}
}
