package e2e

import (
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/penstock-vpn/penstock/host/internal/testlab"
)

// onTheWay counts what the gateway's machine passes on between the client and a guest,
// and drops or changes it as a network may.
const onTheWay = `table inet way {
	counter alone { }
	counter in_udp { }
	chain pass {
		type filter hook forward priority 0
		meta l4proto esp counter name alone
		udp dport 4500 counter name in_udp
		udp sport 4500 counter name in_udp
	}
}`

// passed is how many packets were ESP alone, and how many were of port 4500, which IKE has
// too.
func passed(t *testing.T, l *testlab.Lab) (alone, inUDP string) {
	t.Helper()
	out, err := l.Gateway.Run("nft", "list", "counters", "table", "inet", "way")
	must(t, err)
	found := regexp.MustCompile(`counter (\w+) \{\s+packets (\d+)`).FindAllStringSubmatch(out, -1)
	if len(found) != 2 {
		t.Fatal(out)
	}
	return found[0][2], found[1][2]
}

// plain is a connection to a guest whose kernel does ESP.
func plain(t *testing.T, l *testlab.Lab, extra ...string) *testlab.Connection {
	t.Helper()
	argv := ikev2(l, psk(append([]string{"--disable-ipv6"}, extra...)...)...).Args(l, testlab.Spec{})
	argv[len(argv)-1] = testlab.GuestV4
	c, err := l.Connect(within(t, 30*time.Second), testlab.Argv(argv), answers())
	must(t, err)
	status(t, l)
	return c
}

// Where there is no NAT, ESP goes without UDP, in packets that are larger by what UDP
// would take, through new keys and a change of address; where there is one, or where ESP
// does not come through, it goes in UDP.
func TestIKEv2PlainESP(t *testing.T) {
	needPenstock(t)
	t.Parallel()
	l := lab(t)
	guest, err := l.StartKernelStrongswan(testlab.Strongswan{ESP: "aes256gcm16,aes128gcm16"})
	must(t, err)
	_, err = l.Gateway.Start(testlab.Command{Args: []string{"/usr/sbin/dnsmasq", "--no-daemon", "--conf-file=/dev/null", "--user=root",
		"--no-resolv", "--no-hosts", "--bind-interfaces", "--listen-address=" + testlab.InsideV4, "--except-interface=lo"}})
	must(t, err)
	cable(t, l, 1400)
	must(t, l.Gateway.Nft(onTheWay))

	c := plain(t, l)
	bothWays(t, l, testlab.InsideV4, 300_000)
	inUDP := c.MTU()
	if alone, _ := passed(t, l); alone != "0" {
		t.Errorf("%s packets of ESP alone by default", alone)
	}
	disconnect(t, c)

	c = plain(t, l, "--udp-encap", "auto", "--esp-lifetime", "10s")
	bothWays(t, l, testlab.InsideV4, 300_000)
	alone, other := passed(t, l)
	if mtu := c.MTU(); mtu != inUDP+8 || alone == "0" {
		t.Errorf("the MTU is %d, in UDP %d; %s packets of ESP alone, %s of port 4500", mtu, inUDP, alone, other)
	}
	must(t, guest.Expect(within(t, 30*time.Second), regexp.MustCompile(`generating CREATE_CHILD_SA response`)))
	reaches(t, l, testlab.InsideV4)
	for _, command := range []string{
		"sysctl -qw net.ipv4.conf.eth0.promote_secondaries=1",
		"ip addr add 10.77.0.9/24 dev eth0", "ip addr del 10.77.0.2/24 dev eth0",
		"ip route replace " + testlab.GuestV4 + " via " + testlab.GatewayV4,
	} {
		_, err := l.Client.Run(strings.Fields(command)...)
		must(t, err)
	}
	must(t, guest.Expect(within(t, 30*time.Second), regexp.MustCompile(`N\(UPD_SA_ADDR\)`)))
	reaches(t, l, testlab.InsideV4)
	bothWays(t, l, testlab.InsideV4, 300_000)
	disconnect(t, c)
	if after, _ := passed(t, l); after == alone {
		t.Error("no more packets of ESP alone after the move")
	}
	for _, command := range []string{"ip addr add 10.77.0.2/24 dev eth0", "ip addr del 10.77.0.9/24 dev eth0", "ip route replace " + testlab.GuestV4 + " via " + testlab.GatewayV4} {
		_, err := l.Client.Run(strings.Fields(command)...)
		must(t, err)
	}

	// A NAT on the way.
	must(t, l.Gateway.Nft(`table ip nat { chain out { type nat hook postrouting priority 100; oifname "tap0" masquerade; }; }`))
	alone, _ = passed(t, l)
	c = plain(t, l, "--udp-encap", "auto")
	reaches(t, l, testlab.InsideV4)
	if after, _ := passed(t, l); after != alone {
		t.Errorf("ESP alone through a NAT: %s packets, before %s", after, alone)
	}
	disconnect(t, c)
	must(t, l.Gateway.Nft("delete table ip nat"))

	// A firewall that knows no ESP.
	must(t, l.Gateway.Nft(`table inet wall { chain pass { type filter hook forward priority -5; meta l4proto esp drop; }; }`))
	c = plain(t, l, "--udp-encap", "auto")
	if !strings.Contains(c.Stderr(), "ESP alone does not come through") {
		t.Errorf("it said %s", c.Stderr())
	}
	bothWays(t, l, testlab.InsideV4, 300_000)
	disconnect(t, c)
}

// A new login beside a tunnel of ESP alone takes its place, with the same address.
func TestIKEv2PlainESPAgain(t *testing.T) {
	needPenstock(t)
	t.Parallel()
	l := lab(t)
	guest, err := l.StartKernelStrongswan(testlab.Strongswan{ESP: "aes256gcm16", Reauth: 25})
	must(t, err)
	must(t, l.Gateway.Nft(onTheWay))
	c := plain(t, l, "--udp-encap", "nat")
	first := c.Addresses
	reaches(t, l, testlab.InsideV4)
	must(t, testlab.Await(within(t, 60*time.Second), "a second login", func() bool {
		return strings.Count(guest.Output(), "established between") >= 2
	}))
	must(t, guest.Expect(within(t, 20*time.Second), regexp.MustCompile(`received DELETE for IKE_SA`)))
	reaches(t, l, testlab.InsideV4)
	bothWays(t, l, testlab.InsideV4, 300_000)
	must(t, c.WaitUp(within(t, 5*time.Second)))
	if !slices.Equal(first, c.Addresses) {
		t.Errorf("addresses %v, before %v", c.Addresses, first)
	}
	disconnect(t, c)
}

// A line of 1280 bytes has no room for the packets that IPv6 inside needs: they go in
// fragments, both ways, and TCP's do not need to.
func TestIKEv2NarrowLine(t *testing.T) {
	needPenstock(t)
	t.Parallel()
	for _, gateway := range []string{testlab.GatewayName, "[" + testlab.GatewayV6 + "]"} {
		t.Run(gateway, func(t *testing.T) {
			t.Parallel()
			l := lab(t)
			strongswan(t, l, testlab.Strongswan{})
			cable(t, l, 1280)
			argv := ikev2(l, psk()...).Args(l, testlab.Spec{})
			argv[len(argv)-1] = gateway
			c, err := l.Connect(within(t, 20*time.Second), testlab.Argv(argv), answers())
			must(t, err)
			status(t, l)
			if mtu := c.MTU(); mtu != 1280 {
				t.Errorf("the MTU is %d", mtu)
			}
			must(t, c.Expect(within(t, 5*time.Second), regexp.MustCompile("larger ones go in fragments")))
			for _, ping := range []string{"ping -6 -M do -s 1232 -c 3 -i 0.2 -W 5 " + testlab.InsideV6, "ping -4 -M do -s 1252 -c 3 -i 0.2 -W 5 " + testlab.InsideV4} {
				if out, err := l.Client.Run(strings.Fields(ping)...); err != nil {
					t.Errorf("%s: %v, %s", ping, err, out)
				}
			}
			bothWays(t, l, testlab.InsideV4, 1_000_000)
			bothWays(t, l, testlab.InsideV6, 1_000_000)
			disconnect(t, c)
		})
	}
}

// So does a line that becomes narrow while the tunnel is up.
func TestIKEv2LineNarrows(t *testing.T) {
	needPenstock(t)
	t.Parallel()
	l := lab(t)
	strongswan(t, l, testlab.Strongswan{})
	c := connectIKEv2(t, l, psk()...)
	f := start(t, l, 4*time.Second)
	cable(t, l, 1280)
	must(t, c.Expect(within(t, 20*time.Second), regexp.MustCompile("larger ones go in fragments")))
	f.finish(t)
	reaches(t, l, testlab.InsideV4, testlab.InsideV6)
	if out, err := l.Client.Run("ping", "-6", "-M", "do", "-s", "1232", "-c", "3", "-i", "0.2", "-W", "5", testlab.InsideV6); err != nil {
		t.Errorf("%v, %s", err, out)
	}
	disconnect(t, c)
}
