package tunnel

import (
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/penstock-vpn/penstock/plugins/anyconnect/internal/cstp"
	"github.com/penstock-vpn/penstock/sdk"
)

var errBlocked = errors.New("no answer")

// Five tries with growing pauses, then one a minute; the MTU becomes that of TLS when
// the five are over, and that of DTLS when it gets through.
func TestDTLSSchedule(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newFakeHost(t, grant(pskFields...))
		h.dtls = func(n int) error {
			if n <= 8 {
				return errBlocked
			}
			return nil
		}
		done := h.start(allSuites)
		h.expect("0 phase 2|0 tls vpn.test:8443|0 configure mtu 1380|0 attach tls 1 pref 10 replaces 0 over 0|0 dtls vpn.test:4433")
		pass(152 * time.Second)
		h.expect("1 dtls vpn.test:4433|3 dtls vpn.test:4433|7 dtls vpn.test:4433|15 dtls vpn.test:4433|31 dtls vpn.test:4433|31 configure mtu 1400|91 dtls vpn.test:4433|151 dtls vpn.test:4433")
		pass(time.Minute)
		h.expect("211 dtls vpn.test:4433|211 attach dtls 2 pref 20 replaces 0 over 0|211 configure mtu 1380")
		h.events <- sdk.PathEvent{Path: 2, Kind: sdk.PathDead, Reason: "no sign of life"}
		h.expect("212 dtls vpn.test:4433|212 attach dtls 3 pref 20 replaces 0 over 0")
		h.stop(done, false)
	})
}

func TestDTLSByResumption(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newFakeHost(t, grant("X-DTLS-Port: 443", "X-DTLS-Session-ID: 00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff", "X-DTLS12-CipherSuite: AES256-GCM-SHA384", "X-DTLS-Rekey-Time: 60"))
		h.exports = false
		done := h.start(allSuites)
		h.taken()
		k := h.key(0)
		if k.From != nil || len(k.MasterSecret) != 48 || len(k.SessionID) != 32 || k.Suites[0] != "TLS_RSA_WITH_AES_256_GCM_SHA384" {
			t.Errorf("key %+v", k)
		}
		if offer := h.request(0).Header.Get("X-Dtls-Ciphersuite"); offer != "OC-DTLS1_2-AES256-GCM:OC-DTLS1_2-AES128-GCM" {
			t.Errorf("without an exporter offered %q", offer)
		}
		pass(time.Minute)
		h.expect("55 dtls vpn.test:443|55 attach dtls 3 pref 20 replaces 2 over 0")
		h.change(func() { h.dtls = func(int) error { return errBlocked } })
		pass(time.Minute)
		h.expect("110 dtls vpn.test:443") // the old association goes on
		h.stop(done, false)
	})
}

func TestNoDTLSWithoutAKey(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newFakeHost(t, grant(pskFields...))
		h.exports = false // and yet the gateway chooses it
		done := h.start(allSuites)
		h.expect("0 phase 2|0 tls vpn.test:8443|0 configure mtu 1400|0 attach tls 1 pref 10 replaces 0 over 0")
		h.stop(done, false)
	})
}

// A tunnel that is replaced while DTLS is opened makes that association stale.
func TestDTLSOfATunnelOfThePast(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		release := make(chan struct{})
		h := newFakeHost(t, grant(pskFields...))
		h.dtls = func(n int) error {
			if n == 1 {
				<-release
			}
			return nil
		}
		done := h.start(allSuites)
		h.taken()
		h.events <- sdk.NetworkChange{Reachable: true}
		h.expect("0 tls vpn.test:8443|0 attach tls 2 pref 10 replaces 1 over 0|0 configure mtu 1380")
		close(release)
		h.expect("0 dtls vpn.test:4433|0 attach dtls 4 pref 20 replaces 0 over 0")
		h.stop(done, false)
	})
}

func TestNarrowPath(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newFakeHost(t, grant(pskFields...))
		done := h.start(Options{Suites: cstp.Suites, MTU: 1350})
		h.taken()
		if h.settings().MTU != 1350 {
			t.Errorf("the user's MTU: %d", h.settings().MTU)
		}
		h.events <- sdk.PathEvent{Path: 1, Kind: sdk.PathMTU, MTU: 1000} // not the one in use
		h.events <- sdk.PathEvent{Path: 2, Kind: sdk.PathMTU, MTU: 1300}
		h.expect("0 configure mtu 1300")
		h.events <- sdk.PathEvent{Path: 2, Kind: sdk.PathMTU, MTU: 100}
		h.expect("0 configure mtu 576")
		h.stop(done, false)
	})
}
