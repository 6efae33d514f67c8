package testlab

import (
	"embed"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"text/template"

	"github.com/penstock-vpn/penstock/host/internal/testlab/pki"
)

//go:embed testdata/xl2tpd
var xl2tpdFiles embed.FS

var xl2tpdConf = template.Must(template.ParseFS(xl2tpdFiles, "testdata/xl2tpd/*.tmpl"))

// Xl2tpd says how a guest with strongSwan, xl2tpd and pppd is to be; zero fields mean what
// is written beside them.
type Xl2tpd struct {
	Auth       string // psk (default), pubkey
	PSK        string // "labpsk"
	IKE, ESP   string // proposals: aes256-sha256-modp2048, aes128gcm16
	IKERekey   int    // seconds; 0: the client's concern
	ChildRekey int
	Secret     string // of L2TP; empty: none is wanted
	PAP        bool   // in place of MS-CHAPv2
	Length     bool   // data has a length
	MRU        int    // of pppd: 1350

	Dir, Address, ID string // filled in
	PKI              *pki.PKI
}

// xl2tpdGuest is what the guest does. The kernel does ESP, and PPP in L2TP once xl2tpd has
// agreed on a call.
const xl2tpdGuest = `
for m in hmac sha512_generic jitterentropy_rng drbg xfrm_user esp4 cbc des_generic gcm ghash-generic ctr seqiv echainiv authenc pppox l2tp_ppp; do modprobe -d /run/modules $m; done
mkdir -p /run/xl2tpd
umask 077
for f in chap pap; do echo '%[2]s * %[3]s *' >/etc/ppp/$f-secrets; done
STRONGSWAN_CONF=%[1]s/strongswan.conf /usr/lib/ipsec/charon --use-syslog no &
until swanctl --load-all --noprompt --uri unix:///run/charon.vici --file %[1]s/swanctl.conf >/dev/null 2>&1; do sleep 0.2; done
/usr/sbin/xl2tpd -D -c %[1]s/xl2tpd.conf -s %[1]s/l2tp-secrets -p /run/xl2tpd.pid -C /run/xl2tpd/control &
sleep 0.3
echo ready
wait
`

// StartXl2tpd starts strongSwan, xl2tpd and pppd in a guest, at GuestV4. The inside stays
// with the gateway, and the guest passes on to it.
func (l *Lab) StartXl2tpd(x Xl2tpd) (*Guest, error) {
	x.Dir, x.Address, x.ID, x.PKI = filepath.Join(l.Gateway.Dir, "xl2tpd"), GuestV4, GatewayName, l.PKI
	for field, value := range map[*string]string{
		&x.Auth: "psk", &x.PSK: "labpsk", &x.IKE: "aes256-sha256-modp2048", &x.ESP: "aes128gcm16",
	} {
		if *field == "" {
			*field = value
		}
	}
	if x.MRU == 0 {
		x.MRU = 1350
	}
	if err := x.write(); err != nil {
		return nil, err
	}
	guest, err := l.StartGuest(fmt.Sprintf(xl2tpdGuest, x.Dir, User, Password))
	if err != nil {
		return nil, err
	}
	_, here := l.Gateway.Run("ip", "route", "add", "10.88.0.0/24", "via", GuestV4)
	_, there := l.Client.Run("ip", "route", "add", GuestV4, "via", GatewayV4)
	forward := l.Gateway.Do(func() error { return os.WriteFile("/proc/sys/net/ipv4/ip_forward", []byte("1"), 0) })
	return guest, errors.Join(here, there, forward)
}

func (x Xl2tpd) write() error {
	if err := os.MkdirAll(filepath.Join(x.Dir, "private"), 0o755); err != nil {
		return err
	}
	key, err := os.ReadFile(x.PKI.Key("server"))
	login := "require-mschap-v2\nrefuse-mschap\nrefuse-chap\nrefuse-pap"
	if x.PAP {
		login = "require-pap"
	}
	options := fmt.Sprintf("auth\nrefuse-eap\n%s\nms-dns %s\nmru %d\nmtu %d\nlcp-echo-interval 2\nlcp-echo-failure 4\ndebug\nlogfd 2\n", login, InsideV4, x.MRU, x.MRU)
	for name, text := range map[string]string{
		"private/server.key": string(key), "ppp-options": options, "l2tp-secrets": "* * " + x.Secret + "\n",
	} {
		err = errors.Join(err, os.WriteFile(filepath.Join(x.Dir, name), []byte(text), 0o600))
	}
	for _, name := range []string{"swanctl.conf", "strongswan.conf", "xl2tpd.conf"} {
		f, failed := os.Create(filepath.Join(x.Dir, name))
		if failed != nil {
			return failed
		}
		err = errors.Join(err, xl2tpdConf.ExecuteTemplate(f, name+".tmpl", x), f.Close())
	}
	return err
}
