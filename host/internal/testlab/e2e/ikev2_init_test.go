package e2e

import (
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/penstock-vpn/penstock/host/internal/testlab"
)

// A gateway in distress wants its cookie back first. It is one as soon as somebody has
// begun a login and not gone on.
func TestIKEv2Cookie(t *testing.T) {
	needPenstock(t)
	t.Parallel()
	l := lab(t)
	server := strongswan(t, l, testlab.Strongswan{Cookie: true})
	closed, err := l.DropUDP(4500)
	must(t, err)
	half, err := l.Launch(ikev2(l, psk()...), answers())
	must(t, err)
	must(t, testlab.Await(within(t, 20*time.Second), "a login to begin", func() bool {
		return strings.Contains(server.Output(), "generating IKE_SA_INIT response")
	}))
	_, err = half.Stop(syscall.SIGINT, 10*time.Second)
	must(t, err)
	must(t, closed.Lift())
	c := connectIKEv2(t, l, psk()...)
	reaches(t, l, testlab.InsideV4)
	for _, words := range []string{"generating IKE_SA_INIT response 0 [ N(COOKIE) ]", "parsed IKE_SA_INIT request 0 [ N(COOKIE)"} {
		if !strings.Contains(server.Output(), words) {
			t.Errorf("the gateway did not say %q", words)
		}
	}
	disconnect(t, c)
}

// A gateway that knows none of our first group names another, in the first exchange and
// when keys are renewed.
func TestIKEv2OtherGroup(t *testing.T) {
	needPenstock(t)
	t.Parallel()
	for ours, theirs := range map[string]string{"": "aes256-sha256-modp3072", "aes256gcm16-prfsha384-modp2048-ecp521": "aes256gcm16-prfsha384-ecp521"} {
		t.Run(theirs, func(t *testing.T) {
			t.Parallel()
			l := lab(t)
			server := strongswan(t, l, testlab.Strongswan{IKE: theirs, ESP: "aes256gcm16-ecp384"})
			args := psk("--esp-lifetime", "10s")
			if ours != "" {
				args = append(args, "--ike", ours)
			}
			c := connectIKEv2(t, l, args...)
			must(t, testlab.Await(within(t, 20*time.Second), "new keys", func() bool {
				return strings.Contains(server.Output(), "generating CREATE_CHILD_SA response 3 [ SA")
			}))
			reaches(t, l, testlab.InsideV4)
			for _, words := range []string{"generating IKE_SA_INIT response 0 [ N(INVAL_KE) ]", "generating CREATE_CHILD_SA response 2 [ N(INVAL_KE) ]"} {
				if !strings.Contains(server.Output(), words) {
					t.Errorf("the gateway did not say %q", words)
				}
			}
			disconnect(t, c)
		})
	}
}

// A certificate of 4 KB comes over a line of 1280 bytes that carries no fragments of IP.
// There is no room for IPv6 inside then.
func TestIKEv2LargeCertificate(t *testing.T) {
	needPenstock(t)
	t.Parallel()
	for _, gateway := range []string{testlab.GatewayName, "[" + testlab.GatewayV6 + "]"} {
		t.Run(gateway, func(t *testing.T) {
			t.Parallel()
			l := lab(t)
			server := strongswan(t, l, testlab.Strongswan{Auth: "eap-mschapv2", Cert: "server-large"})
			for _, m := range []*testlab.Machine{l.Client, l.Gateway} {
				_, err := m.Run("ip", "link", "set", "eth0", "mtu", "1280")
				must(t, err)
				must(t, m.Nft(`table inet whole {
	chain in {
		type filter hook prerouting priority -500
		iifname "eth0" ip frag-off & 0x3fff != 0 drop
		iifname "eth0" exthdr frag exists drop
	}
}`))
			}
			argv := ikev2(l, eap(t, l, "server-large", "--disable-ipv6")...).Args(l, testlab.Spec{})
			argv[len(argv)-1] = gateway
			c, err := l.Connect(within(t, 20*time.Second), testlab.Argv(argv), answers())
			must(t, err)
			status(t, l)
			if !strings.Contains(server.Output(), "EF(4/") {
				t.Error("the certificate did not go in fragments")
			}
			reaches(t, l, testlab.InsideV4)
			bothWays(t, l, testlab.InsideV4, 1_000_000)
			disconnect(t, c)
		})
	}
}
