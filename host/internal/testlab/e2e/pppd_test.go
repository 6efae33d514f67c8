package e2e

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/penstock-vpn/penstock/host/internal/testlab"
)

// library compiles a library for pppd, for what its options do not reach, and returns its path.
func library(t *testing.T, l *testlab.Lab, source string) string {
	t.Helper()
	path := filepath.Join(l.Gateway.Dir, "library.c")
	must(t, os.WriteFile(path, []byte(source), 0o644))
	compiled := strings.TrimSuffix(path, ".c") + ".so"
	if out, err := exec.Command("gcc", "-shared", "-fPIC", "-o", compiled, path).CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	return compiled
}

// eapTLSServer is a line of a guest's script that gives pppd the certificates for EAP-TLS.
func eapTLSServer(l *testlab.Lab) string {
	return fmt.Sprintf("echo 'alice gate - %s %s %s *' >/etc/ppp/eaptls-server", l.PKI.Cert("server"), l.PKI.Cert("ca"), l.PKI.Key("server"))
}

// pppdV6 is pppd's own address, of the prefix that it has radvd advertise.
const pppdV6 = "2001:db8:88::1"

// pppd is a guest with pppd on a port, whatever it is asked for.
func pppd(t *testing.T, l *testlab.Lab, require string) *testlab.Guest {
	t.Helper()
	guest, err := l.StartGuest(fmt.Sprintf(`
umask 077
for f in chap pap; do echo '%s * %s *' >/etc/ppp/$f-secrets; done
%s
for m in ppp_deflate ipv6; do modprobe -d /run/modules $m; done
sysctl -qw net.ipv6.conf.all.forwarding=1
printf '#!/bin/sh\nip -6 address add `+pppdV6+`/64 dev $1\n' >/etc/ppp/ipv6-up
chmod 755 /etc/ppp/ipv6-up
for i in 0 1; do
	echo "interface ppp$i { IgnoreIfMissing on; AdvSendAdvert on; MaxRtrAdvInterval 10; prefix 2001:db8:88::/64 { }; RDNSS `+pppdV6+` { }; };"
done >/run/radvd.conf
radvd -n -d 1 -m stderr -C /run/radvd.conf -p /run/radvd.pid &
export LD_PRELOAD=%s
python3 - <<'X'
import socket, subprocess
s = socket.create_server(("", 9000))
print("ready", flush=True)
while True:
    c, _ = s.accept()
    subprocess.Popen("pppd notty local debug logfd 2 name gate auth %s mru 1350 lcp-echo-interval 1 lcp-echo-failure 2 chap-interval 2 ms-dns 10.99.0.1 ms-dns 10.99.0.3 ms-wins 10.99.0.2 ms-wins 10.99.0.4 10.88.0.1:10.88.0.2".split(), stdin=c, stdout=c)
    c.close()
X
`, testlab.User, testlab.Password, eapTLSServer(l), library(t, l, tellKey), require))
	must(t, err)
	_, err = l.Gateway.Run("ip", "route", "add", "10.88.0.2/32", "via", testlab.GuestV4)
	must(t, err)
	return guest
}

// said waits until pppd has said something that often.
func said(t *testing.T, guest *testlab.Guest, what, pattern string, times int) {
	t.Helper()
	words := regexp.MustCompile(pattern)
	must(t, testlab.Await(within(t, 30*time.Second), what, func() bool { return len(words.FindAllString(guest.Output(), times)) == times }))
}
