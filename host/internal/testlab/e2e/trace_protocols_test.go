package e2e

import (
	"encoding/base64"
	"encoding/hex"
	"path/filepath"
	"testing"

	"github.com/penstock-vpn/penstock/host/internal/testlab"
	"github.com/penstock-vpn/penstock/host/internal/testlab/gpgate"
)

// secretFree wants a file to hold none of the secrets, in no form that they are sent in.
func secretFree(t *testing.T, file string, secrets ...string) {
	t.Helper()
	for _, s := range secrets {
		wide := ""
		for _, c := range s {
			wide += string(c) + "\x00"
		}
		for _, form := range []string{s, wide, hex.EncodeToString([]byte(s)), base64.RawStdEncoding.EncodeToString([]byte(s))} {
			if s == "" || holds(t, file, form) {
				t.Errorf("the secret %q is in the file as %q", s, form)
			}
		}
	}
}

// Each protocol's conversation is in the file in words or in forms that Wireshark knows,
// on all three interfaces, and no secret of it.
func TestTraceOfEachProtocol(t *testing.T) {
	needPenstock(t)
	t.Parallel()
	const sent, came = "penstock control|0x00000002|exported_pdu:", "penstock control|0x00000001|exported_pdu:"
	for name, test := range map[string]struct {
		connect func(t *testing.T, l *testlab.Lab, trace string) (c *testlab.Connection, secrets []string)
		inside  string // an address
		shows   []string
	}{
		"gp": {func(t *testing.T, l *testlab.Lab, trace string) (*testlab.Connection, []string) {
			g := gpGateOf(t, l, gpgate.Config{})
			c := gpUp(t, l, gpAlice("--usergroup", "gateway", "--trace", trace))
			return c, []string{testlab.Password, g.Asked(gpgate.GatewayConfig)[0].Fields["authcookie"]}
		}, testlab.InsideV4,
			[]string{"penstock outer|0x00000002|raw:ip:udp:data|vpn.test", sent + "http:urlencoded-form||POST|HTTP to the gateway", came + "http:xml|||HTTP from the gateway"}},
		"ikev2": {func(t *testing.T, l *testlab.Lab, trace string) (*testlab.Connection, []string) {
			strongswan(t, l, testlab.Strongswan{})
			return connectIKEv2(t, l, psk("--trace", trace)...), []string{testlab.Password}
		}, testlab.InsideV4,
			[]string{"penstock outer|0x00000001|raw:ip:udp:isakmp", "raw:ip:udp:udpencap:esp", sent + "data-text-lines|||--> IKE_AUTH request 1: IDi", came + "data-text-lines|||<-- IKE_AUTH response 1: IDr", sent + "isakmp|||path 2"}},
		"cisco-ipsec": {func(t *testing.T, l *testlab.Lab, trace string) (*testlab.Connection, []string) {
			strongswan(t, l, aggressive())
			return connectCisco(t, l, groupAnswers(), byGroup("--trace", trace)...), []string{testlab.Password, groupKey}
		}, testlab.InsideV4,
			[]string{"penstock outer|0x00000001|raw:ip:udp:isakmp", "raw:ip:udp:udpencap:esp", sent + "data-text-lines|||--> aggressive mode", came + "data-text-lines|||<-- transaction", sent + "data-text-lines|||--> quick mode", sent + "isakmp|||path 2"}},
		"l2tp": {func(t *testing.T, l *testlab.Lab, trace string) (*testlab.Connection, []string) {
			softether(t, l)
			return connectL2TP(t, l, testlab.GatewayName, l2tpAnswers(), "--trace", trace), []string{testlab.Password, machinePSK}
		}, testlab.InsideV4,
			[]string{"penstock outer|0x00000002|raw:ip:udp:isakmp", "raw:ip:udp:udpencap:esp", sent + "data-text-lines|||--> main mode", sent + "data-text-lines|||sent SCCRQ", came + "data-text-lines|||received SCCRP", sent + "data-text-lines|||sent LCP Configure-Request", came + "data-text-lines|||received CHAP Challenge", "|||path 2, control frame of type 0x20000 from the gateway"}},
		"sstp": {func(t *testing.T, l *testlab.Lab, trace string) (*testlab.Connection, []string) {
			sstpGate(t, l, testlab.SSTPGate{})
			return connect(t, l, sstp("--trace", trace)), []string{testlab.Password}
		}, testlab.InsideV4,
			[]string{"penstock outer|0x00000002|raw:ip:tcp:tls", sent + "http", came + "http|||HTTP from the gateway", sent + "data-text-lines|||sent Call-Connect-Request", came + "data-text-lines|||received Call-Connect-Ack", came + "data-text-lines|||received IPCP Configure-Ack", sent + "ppp:lcp|||path 1"}},
		"pptp": {func(t *testing.T, l *testlab.Lab, trace string) (*testlab.Connection, []string) {
			pptpd(t, l, "", papOnly) // all in the clear: the worst case
			spec := pptp(0, "--auth-methods", "pap", "--require-mppe=false", "--trace", trace+".open", "--trace-secrets")
			disconnect(t, connect(t, l, spec))
			if !holds(t, trace+".open", testlab.Password) {
				t.Error("whoever asks for secrets does not get them")
			}
			spec.Extra = append(spec.Extra[:len(spec.Extra)-3], "--trace", trace)
			return connect(t, l, spec), []string{testlab.Password}
		}, "10.88.0.1",
			[]string{"penstock outer|0x00000002|raw:ip:tcp:pptp", "penstock outer|0x00000001|raw:ip:gre:ppp", sent + "data-text-lines|||sent Start-Control-Connection-Request", came + "data-text-lines|||received Outgoing-Call-Reply", sent + "data-text-lines|||sent PAP Authenticate-Request", came + "ppp:lcp|||path 2"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			l := lab(t)
			file := filepath.Join(l.Dir, "trace.pcapng")
			c, secrets := test.connect(t, l, file)
			reaches(t, l, test.inside)
			disconnect(t, c)
			seen := recorded(t, file)
			shows(t, seen, append(test.shows, "penstock inner|0x00000002|raw:ip:icmp", "penstock inner|0x00000001|raw:ip:icmp")...)
			secretFree(t, file, secrets...)
		})
	}
}
