package e2e

import (
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/penstock-vpn/penstock/host/internal/testlab"
)

// groupKey is the group's password, another than the user's.
const groupKey = "group-4711"

// cisco is a connection by Cisco IPsec.
func cisco(extra ...string) testlab.Client { return ciscoAt(testlab.GatewayName, extra...) }

func ciscoAt(gateway string, extra ...string) testlab.Client {
	args := []string{penstock.Program(), "connect", "--protocol", "cisco-ipsec", "--plugin-dir", penstock.Plugins(), "--password-stdin", "--username", testlab.User}
	return testlab.Argv(append(append(args, extra...), gateway))
}

// byGroup logs in with a group's name, in aggressive mode.
func byGroup(extra ...string) []string { return append([]string{"--group-name", "staff"}, extra...) }

// groupAnswers are what is typed in: the group's password and the user's.
func groupAnswers() testlab.Spec { return testlab.Spec{Answers: []string{groupKey, testlab.Password}} }

func aggressive() testlab.Strongswan { return testlab.Strongswan{IKEv1: "aggressive", PSK: groupKey} }

func connectCisco(t *testing.T, l *testlab.Lab, s testlab.Spec, args ...string) *testlab.Connection {
	t.Helper()
	c, err := l.Connect(within(t, 30*time.Second), cisco(args...), s)
	must(t, err)
	status(t, l)
	return c
}

func byUserCert(l *testlab.Lab, user string, extra ...string) []string {
	return append([]string{"--auth", "cert", "--cafile", l.PKI.Cert("ca"), "--usercert", l.PKI.Cert(user), "--userkey", l.PKI.Key(user)}, extra...)
}

func TestCiscoLogins(t *testing.T) {
	needPenstock(t)
	t.Parallel()
	for name, test := range map[string]struct {
		server  testlab.Strongswan
		args    func(*testlab.Lab) []string
		answers []string
	}{
		"aggressive mode": {aggressive(), func(*testlab.Lab) []string { return byGroup() }, []string{groupKey, testlab.Password}},
		"main mode":       {testlab.Strongswan{IKEv1: "main", PSK: groupKey}, func(*testlab.Lab) []string { return nil }, []string{groupKey, testlab.Password}},
		"settings unasked": {testlab.Strongswan{IKEv1: "main", PSK: groupKey, Push: true, ESP: "aes256-sha256-modp3072"},
			func(*testlab.Lab) []string { return []string{"--pfs", "modp3072"} }, []string{groupKey, testlab.Password}},
		"certificates": {testlab.Strongswan{IKEv1: "main", Auth: "pubkey"}, func(l *testlab.Lab) []string { return byUserCert(l, "alice") }, []string{testlab.Password}},
		"certificates alone, aggressive mode": {testlab.Strongswan{IKEv1: "aggressive", Auth: "pubkey", NoXAuth: true, Cert: "server-large"},
			func(l *testlab.Lab) []string {
				return byUserCert(l, "alice", "--mode", "aggressive", "--xauth=false")
			}, nil},
		"hybrid": {testlab.Strongswan{IKEv1: "main", Auth: "hybrid"},
			func(l *testlab.Lab) []string {
				return byGroup("--auth", "hybrid", "--mode", "main", "--cafile", l.PKI.Cert("ca"))
			}, []string{testlab.Password}},
		"hybrid, aggressive mode": {testlab.Strongswan{IKEv1: "aggressive", Auth: "hybrid"},
			func(l *testlab.Lab) []string { return byGroup("--auth", "hybrid", "--cafile", l.PKI.Cert("ca")) }, []string{testlab.Password}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			l := lab(t)
			before := snapshot(t, l)
			server := strongswan(t, l, test.server)
			c := connectCisco(t, l, testlab.Spec{Answers: test.answers}, test.args(l)...)
			reaches(t, l, testlab.InsideV4)
			bothWays(t, l, testlab.InsideV4, 5_000_000)
			disconnect(t, c)
			unchanged(t, l, before)
			if sas, err := server.SAs(); err != nil || strings.Contains(sas, "ESTABLISHED") {
				t.Errorf("the gateway still has %s, %v", sas, err)
			}
		})
	}
}

// Each refusal says why, and which option to look at.
func TestCiscoRefusals(t *testing.T) {
	needPenstock(t)
	t.Parallel()
	inMain := testlab.Strongswan{IKEv1: "main", PSK: groupKey}
	none := func(*testlab.Lab) []string { return nil }
	group := func(*testlab.Lab) []string { return byGroup() }
	for name, test := range map[string]struct {
		server  testlab.Strongswan
		args    func(*testlab.Lab) []string
		answers []string
		code    int
		words   string
	}{
		"wrong group password":         {aggressive(), group, []string{"wrong", testlab.Password}, exitRefused, "option group-password|pre-shared key is not"},
		"wrong group password in main": {inMain, none, []string{"wrong", testlab.Password}, exitRefused, "pre-shared key is not"},
		"wrong password":               {aggressive(), group, []string{groupKey, "wrong"}, exitRefused, "refused the login: The user name or the password is"},
		"weak ciphers alone":           {testlab.Strongswan{IKEv1: "main", PSK: groupKey, IKE: "3des-md5-modp1024"}, none, []string{groupKey, testlab.Password}, exitUsage, "option ike"},
		"weak ciphers for ESP":         {testlab.Strongswan{IKEv1: "main", PSK: groupKey, ESP: "3des-md5"}, none, []string{groupKey, testlab.Password}, exitUsage, "option esp"},
		"another authority": {testlab.Strongswan{IKEv1: "main", Auth: "hybrid"}, func(l *testlab.Lab) []string {
			return []string{"--auth", "hybrid", "--cafile", l.PKI.Cert("other-ca")}
		}, []string{testlab.Password}, exitCertificate, "no known authority"},
		"another gateway": {testlab.Strongswan{IKEv1: "main", Auth: "hybrid"}, func(l *testlab.Lab) []string {
			return []string{"--auth", "hybrid", "--cafile", l.PKI.Cert("ca"), "--remote-id", "elsewhere.test"}
		}, []string{testlab.Password}, exitCertificate, "option remote-id"},
		"a certificate for another name": {testlab.Strongswan{IKEv1: "main", Auth: "pubkey"}, func(l *testlab.Lab) []string {
			return byUserCert(l, "alice", "--local-id", "elsewhere.test")
		}, []string{testlab.Password}, exitRefused, "the certificate's authority, or not who we are"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			l := lab(t)
			strongswan(t, l, test.server)
			refusedBy(t, l, cisco(test.args(l)...), testlab.Spec{Answers: test.answers}, 100*time.Second, test.code, test.words)
		})
	}
}

// Weak ciphers are used when they are named, and it is said.
func TestCiscoWeakByName(t *testing.T) {
	needPenstock(t)
	t.Parallel()
	l := lab(t)
	server := strongswan(t, l, testlab.Strongswan{IKEv1: "aggressive", PSK: groupKey, IKE: "3des-md5-modp1024", ESP: "3des-md5-modp1024"})
	c := connectCisco(t, l, groupAnswers(), byGroup("--ike", "3des-md5-modp1024", "--esp", "3des-md5", "--pfs", "modp1024", "--esp-lifetime", "10s")...)
	bothWays(t, l, testlab.InsideV4, 5_000_000)
	must(t, testlab.Await(within(t, 20*time.Second), "new keys", func() bool { return strings.Count(server.Output(), "CHILD_SA lab{") > 1 }))
	reaches(t, l, testlab.InsideV4)
	for _, selected := range []string{"IKE:3DES_CBC/HMAC_MD5_96/PRF_HMAC_MD5/MODP_1024", "ESP:3DES_CBC/HMAC_MD5_96/MODP_1024/NO_EXT_SEQ"} {
		if !strings.Contains(server.Output(), "selected proposal: "+selected) {
			t.Errorf("%s was not used although it was named", selected)
		}
	}
	if !strings.Contains(c.Output(), "which is weak") {
		t.Error("nothing was said about what is weak")
	}
	disconnect(t, c)
}

// behindNAT has the client's IKE and ESP come from another address and other ports.
func behindNAT(t *testing.T, l *testlab.Lab) {
	t.Helper()
	run(t, l.Client, "ip", "address", "add", "10.77.0.3/24", "dev", "eth0")
	must(t, l.Client.Nft(`table ip nat {
	chain out {
		type nat hook postrouting priority srcnat
		udp dport { 500, 4500 } snat to 10.77.0.3:20000-29999
	}
}`))
}

// fromNAT is what strongSwan says of who is behind that NAT.
var fromNAT = regexp.MustCompile(`10\.77\.0\.3\[2\d{4}\]`)

// A NAT changes address and ports, and the line is as narrow as IPv6 allows: certificates
// of 4 KB come nevertheless, and what is in the tunnel fits.
func TestCiscoNATAndNarrowLine(t *testing.T) {
	needPenstock(t)
	t.Parallel()
	l := lab(t)
	cable(t, l, 1280)
	server := strongswan(t, l, testlab.Strongswan{IKEv1: "main", Auth: "pubkey", Cert: "server-large"})
	behindNAT(t, l)
	before := snapshot(t, l)
	c := connectCisco(t, l, testlab.Spec{Answers: []string{testlab.Password}}, byUserCert(l, "alice")...)
	if sas, err := server.SAs(); err != nil || !fromNAT.MatchString(sas) {
		t.Errorf("there was no NAT: %s, %v", sas, err)
	}
	fits(t, l, c, 1280)
	bothWays(t, l, testlab.InsideV4, 1_000_000)
	disconnect(t, c)
	unchanged(t, l, before)
}

// The gateway is reached by IPv6. Inside there is IPv4 alone: two networks of it, one of which
// strongSwan tells of without protocol and ports.
func TestCiscoByIPv6(t *testing.T) {
	needPenstock(t)
	t.Parallel()
	l := lab(t)
	s := aggressive()
	s.Split = "10.98.0.0/16"
	strongswan(t, l, s)
	before := snapshot(t, l)
	c, err := l.Connect(within(t, 30*time.Second), ciscoAt("v6."+testlab.GatewayName, byGroup()...), groupAnswers())
	must(t, err)
	device := status(t, l).Interface
	for to, want := range map[string]bool{testlab.InsideV4: true, "10.98.7.1": true, "198.51.100.1": false} {
		if got := l.Client.RouteDevice(to); (got == device) != want {
			t.Errorf("%s goes by %s, and the tunnel is %s", to, got, device)
		}
	}
	bothWays(t, l, testlab.InsideV4, 5_000_000)
	disconnect(t, c)
	unchanged(t, l, before)
}

// fits wants an MTU that uses a line of that width, and packets of it to pass.
func fits(t *testing.T, l *testlab.Lab, c *testlab.Connection, width int) {
	t.Helper()
	var mtu int
	err := testlab.Await(within(t, 20*time.Second), "an MTU that fits", func() bool {
		mtu = c.MTU()
		return mtu < width-50 && mtu > width-120
	})
	if err != nil {
		t.Errorf("the MTU is %d: %v", mtu, err)
	}
	run(t, l.Client, "ping", "-n", "-q", "-c", "1", "-M", "do", "-s", strconv.Itoa(mtu-28), testlab.InsideV4)
	if out, err := l.Client.Run("ping", "-n", "-c", "1", "-W", "0.2", "-M", "do", "-s", strconv.Itoa(mtu-27), testlab.InsideV4); err == nil {
		t.Errorf("a longer packet passes:\n%s", out)
	}
}

// Large transfers go on while the keys of the tunnel change and logins follow one another.
func TestCiscoRekeysUnderLoad(t *testing.T) {
	needPenstock(t)
	t.Parallel()
	for name, test := range map[string]struct {
		gateway int // renews the tunnel's keys after so many seconds
		args    []string
	}{
		"by the client":  {0, []string{"--esp-lifetime", "14s", "--ike-lifetime", "30s"}},
		"by the gateway": {8, nil},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			l := lab(t)
			s := aggressive()
			s.ChildRekey = test.gateway
			server := strongswan(t, l, s)
			c := connectCisco(t, l, groupAnswers(), byGroup(test.args...)...)
			store, err := l.OpenStore(testlab.InsideV4)
			must(t, err)
			defer store.Close()
			const size = large / 4
			store.Rate = size / 25
			up := make(chan error, 1)
			go func() { _, err := store.Upload(within(t, 2*time.Minute), size); up <- err }()
			_, err = store.Download(within(t, 2*time.Minute), size)
			must(t, err)
			must(t, <-up)
			if n := strings.Count(server.Output(), "CHILD_SA lab{"); n < 3 {
				t.Errorf("%d new SAs, want 3 at least", n)
			}
			if logins := strings.Count(server.Output(), "XAuth authentication of 'alice' successful"); test.gateway == 0 && logins < 2 {
				t.Errorf("%d logins, want 2 at least", logins)
			}
			for _, words := range []string{"could not find an outbound IPsec SA", "ICV verification failed"} {
				if n := strings.Count(server.Output(), words); n > 0 {
					t.Errorf("the gateway says %d times: %s", n, words)
				}
			}
			disconnect(t, c)
		})
	}
}

// A gateway that starts anew has forgotten everything: the client logs in again by itself.
func TestCiscoGatewayRestarts(t *testing.T) {
	needPenstock(t)
	t.Parallel()
	l := lab(t)
	server := strongswan(t, l, aggressive())
	c := connectCisco(t, l, groupAnswers(), byGroup("--force-dpd", "2s")...)
	_, err := server.Stop(syscall.SIGKILL, 10*time.Second)
	must(t, err)
	must(t, server.Restart())
	must(t, testlab.Await(within(t, 90*time.Second), "a new session", func() bool {
		sas, err := server.SAs()
		return err == nil && strings.Contains(sas, "INSTALLED")
	}))
	status(t, l)
	reaches(t, l, testlab.InsideV4)
	disconnect(t, c)
}

// A line that loses every twentieth packet, and messages in fragments.
func TestCiscoBadLine(t *testing.T) {
	needPenstock(t)
	t.Parallel()
	l := lab(t)
	server := strongswan(t, l, testlab.Strongswan{IKEv1: "main", Auth: "pubkey", FragmentSize: 600})
	bad, err := l.Lose(5)
	must(t, err)
	c, err := l.Connect(within(t, 60*time.Second), cisco(byUserCert(l, "alice", "--fragment-size", "500", "--esp-lifetime", "10s")...), testlab.Spec{Answers: []string{testlab.Password}})
	must(t, err)
	must(t, testlab.Await(within(t, 60*time.Second), "new keys", func() bool {
		return strings.Count(server.Output(), "CHILD_SA lab{") > 1
	}))
	must(t, bad.Lift())
	if !strings.Contains(server.Output(), "fragment") {
		t.Error("no message went in fragments")
	}
	status(t, l)
	reaches(t, l, testlab.InsideV4)
	bothWays(t, l, testlab.InsideV4, 1_000_000)
	disconnect(t, c)
}

// nmcli connection up, with the gateway's settings and a farewell at the end.
func TestCiscoNMUpAndDown(t *testing.T) {
	d := forNetworkManager(t)
	server := strongswan(t, d.Lab, aggressive())
	data := strings.Replace(d.data(stored, "group-name=staff", "group-password-flags=0"), "protocol=anyconnect", "protocol=cisco-ipsec", 1)
	d.add(t, corp, data, password+",group-password="+groupKey)
	d.up(t, corp)
	reaches(t, d.Lab, testlab.InsideV4)
	bothWays(t, d.Lab, testlab.InsideV4, 5_000_000)
	if shown := d.nmcli(t, "connection", "show", corp); !strings.Contains(shown, "Welcome to the lab") || !strings.Contains(shown, "corp.test") {
		t.Errorf("banner or split DNS are not in what NetworkManager shows:\n%s", shown)
	}
	d.down(t, corp)
	d.nothingLeft(t)
	if sas, err := server.SAs(); err != nil || strings.Contains(sas, "ESTABLISHED") {
		t.Errorf("the gateway still has %s, %v", sas, err)
	}
	if log := d.log(); strings.Contains(log, testlab.Password) || strings.Contains(log, groupKey) {
		t.Error("a secret is in the log")
	}
}

// ikev1Line is one of those that dump-ike-keys adds to the conversation.
var ikev1Line = regexp.MustCompile(`keys (ikev1_decryption_table|esp_sa): (\S.*)`)

// Wireshark reads every message that goes, with the keys that it is given: nothing is
// malformed.
func TestCiscoWireshark(t *testing.T) {
	needPenstock(t)
	t.Parallel()
	l := lab(t)
	strongswan(t, l, aggressive())
	file := filepath.Join(l.Dir, "wire.pcap")
	capture, err := l.Client.Start(testlab.Command{Args: []string{"tcpdump", "-i", "eth0", "-U", "--immediate-mode", "-Z", "root", "-w", file, "udp"}})
	must(t, err)
	must(t, capture.Expect(within(t, 10*time.Second), regexp.MustCompile("listening on")))
	c := connectCisco(t, l, groupAnswers(), byGroup("--dump-ike", "--dump-ike-keys")...)
	reaches(t, l, testlab.InsideV4)
	disconnect(t, c)
	_, err = capture.Stop(syscall.SIGINT, 10*time.Second)
	must(t, err)
	text := c.Output()
	if strings.Contains(text, testlab.Password) || strings.Contains(text, groupKey) || !strings.Contains(text, "--> aggressive mode") {
		t.Errorf("it said\n%s", text)
	}
	var args []string
	for _, m := range ikev1Line.FindAllStringSubmatch(text, -1) {
		args = append(args, "-o", "uat:"+m[1]+":"+m[2])
	}
	lines := strings.Split(strings.TrimSpace(tshark(t, append([]string{"-r", file}, append(args, "-Y", "isakmp", "-T", "fields", "-E", "separator=|",
		"-e", "frame.number", "-e", "isakmp.exchangetype", "-e", "isakmp.typepayload", "-e", "_ws.malformed", "-e", "_ws.expert.message")...)...)), "\n")
	configured := 0
	for _, line := range lines {
		f := strings.Split(line, "|")
		if len(f) != 5 || f[3] != "" || strings.Contains(strings.ToLower(f[4]), "malformed") {
			t.Errorf("tshark says %q", line)
		} else if f[1] == "6" && strings.Contains(f[2], "14") {
			configured++
		}
	}
	if configured < 6 {
		t.Errorf("tshark opened %d messages of XAUTH and mode config in\n%s", configured, strings.Join(lines, "\n"))
	}
}
