package config

import (
	"bytes"
	"fmt"
	"net/netip"
	"net/url"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/penstock-vpn/penstock/plugins/globalprotect/internal/form"
	"github.com/penstock-vpn/penstock/plugins/globalprotect/internal/gp"
	"github.com/penstock-vpn/penstock/plugins/globalprotect/internal/xmldoc"
	"github.com/penstock-vpn/penstock/sdk"
	"github.com/penstock-vpn/penstock/sdk/framing"
)

const whole = `<?xml version='1.0' encoding='UTF-8'?><response status="success"><need-tunnel>yes</need-tunnel><ssl-tunnel-url>/tunnel.sslvpn</ssl-tunnel-url>
<portal>GW</portal><user>alice</user><lifetime>86400</lifetime><timeout>3600</timeout><disconnect-on-idle>1800</disconnect-on-idle>
<gw-address>192.0.2.1</gw-address><ip-address>10.0.0.2</ip-address><netmask>255.255.255.0</netmask>
<gw-address-v6>2001:db8::1</gw-address-v6><ip-address-v6>fd00::2</ip-address-v6>
<dns><member>10.0.0.1</member><member>fd00::1</member></dns><dns-v6><member>fd00::1</member></dns-v6><wins><member>10.0.0.9</member></wins><mtu>0</mtu>
<dns-suffix><member>corp.test</member><member>.lab.test</member><member>$(bad)</member></dns-suffix><quarantine>no</quarantine>
<access-routes><member>10.0.0.0/8</member><member>192.168.1.1</member></access-routes><access-routes-v6><member>fd00::/8</member></access-routes-v6>
<exclude-access-routes><member>10.9.9.9/24</member></exclude-access-routes>
<ipsec><udp-port>4502</udp-port><ipsec-mode>esp-tunnel</ipsec-mode><enc-algo>aes-128-cbc</enc-algo><hmac-algo>sha1</hmac-algo><c2s-spi>0xDEADBEEF</c2s-spi><s2c-spi>0xFEEDBACC</s2c-spi>
<akey-s2c><bits>160</bits><val>0101010101010101010101010101010101010101</val></akey-s2c><ekey-s2c><bits>128</bits><val>02020202020202020202020202020202</val></ekey-s2c>
<akey-c2s><bits>160</bits><val>0303030303030303030303030303030303030303</val></akey-c2s><ekey-c2s><bits>128</bits><val>04040404040404040404040404040404</val></ekey-c2s></ipsec></response>`

func parse(t *testing.T, text string, noIPv6 bool) (Config, error) {
	t.Helper()
	root, err := xmldoc.Parse([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return Parse(root, noIPv6)
}

func prefixes(all ...string) (out []netip.Prefix) {
	for _, p := range all {
		out = append(out, netip.MustParsePrefix(p))
	}
	return out
}

func TestParseWhole(t *testing.T) {
	c, err := parse(t, whole, false)
	if err != nil {
		t.Fatal(err)
	}
	c.Options = nil
	want := Config{
		NeedTunnel: true, TunnelPath: "/tunnel.sslvpn", Lifetime: 24 * time.Hour, Idle: 30 * time.Minute, Rekey: time.Hour,
		Addresses: prefixes("10.0.0.2/24", "fd00::2/128"), Routes: prefixes("10.0.0.0/8", "192.168.1.1/32", "fd00::/8"), Excludes: prefixes("10.9.9.0/24"),
		DNS: []netip.Addr{netip.MustParseAddr("10.0.0.1"), netip.MustParseAddr("fd00::1")}, NBNS: []netip.Addr{netip.MustParseAddr("10.0.0.9")},
		Search: []string{"corp.test", "lab.test"}, Probe4: netip.MustParseAddr("192.0.2.1"), Probe6: netip.MustParseAddr("2001:db8::1"),
		ESP: &ESP{Port: 4502, Suite: "aes128-sha1",
			Send:    SA{0xdeadbeef, bytes.Repeat([]byte{4}, 16), bytes.Repeat([]byte{3}, 20)},
			Receive: SA{0xfeedbacc, bytes.Repeat([]byte{2}, 16), bytes.Repeat([]byte{1}, 20)}},
	}
	if !reflect.DeepEqual(c, want) {
		t.Errorf("got  %+v %+v\nwant %+v %+v", c, c.ESP, want, want.ESP)
	}
	if c, err = parse(t, whole, true); err != nil || len(c.Addresses) != 1 || len(c.Routes) != 2 || len(c.DNS) != 1 || c.Probe6.IsValid() {
		t.Errorf("without IPv6: %+v, %v", c, err)
	}
	now := time.Now()
	if n := want.NetConfig(1300, now); n.MTU != 1300 || !n.Expires.Equal(now.Add(24*time.Hour)) || n.IdleTimeout != 30*time.Minute {
		t.Errorf("for the host: %+v", n)
	}
}

func TestParseLittle(t *testing.T) {
	c, err := parse(t, "<response><ip-address>10.0.0.2</ip-address><ip-address-v6>fd00::2/64</ip-address-v6></response>", false)
	if err != nil || !c.NeedTunnel || c.TunnelPath != TunnelPath || !reflect.DeepEqual(c.Routes, prefixes("0.0.0.0/0", "::/0")) || !reflect.DeepEqual(c.Addresses, prefixes("10.0.0.2/32", "fd00::2/64")) || c.ESP != nil {
		t.Errorf("got %+v, %v", c, err)
	}
	if c, err = parse(t, "<response><need-tunnel>no</need-tunnel></response>", false); err != nil || c.NeedTunnel {
		t.Errorf("got %+v, %v", c, err)
	}
}

func TestParseRefuses(t *testing.T) {
	for says, text := range map[string]string{
		"something else": "<policy/>",
		"no address":     "<response/>",
		"ip-address":     "<response><ip-address>fd00::1</ip-address></response>",
		"255.0.255.0":    "<response><ip-address>10.0.0.2</ip-address><netmask>255.0.255.0</netmask></response>",
		"access-routes":  "<response><ip-address>10.0.0.2</ip-address><access-routes><member>10.0.0.0/33</member></access-routes></response>",
		"dns":            "<response><ip-address>10.0.0.2</ip-address><dns><member>here</member></dns></response>",
		"lifetime":       "<response><ip-address>10.0.0.2</ip-address><lifetime>-5</lifetime></response>",
	} {
		if c, err := parse(t, text, false); err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("%s: got %+v, %v", says, c, err)
		}
	}
}

// A gateway whose ESP cannot be used still has its tunnel over TLS.
func TestSuites(t *testing.T) {
	for names, want := range map[string]string{
		"aes-128-cbc sha1 16 20": "aes128-sha1", "aes128 md5 16 16": "aes128-md5", "aes-256-cbc sha256 32 32": "aes256-sha256",
		"aes-128-gcm sha1 20 0": "aes128gcm16", "aes-256-gcm none 36 0": "aes256gcm16",
		"aes-128-gcm sha1 16 20": "160 are needed", "des sha1 8 20": "unknown cipher", "aes-128-cbc sha7 16 20": "unknown hash",
		"aes-128-cbc sha1 15 20": "key of 120 bits", "aes-128-cbc sha1 16 0": "key of 0 bits",
	} {
		var cipher, hash string
		var key, hashKey int
		if _, err := fmt.Sscan(names, &cipher, &hash, &key, &hashKey); err != nil {
			t.Fatal(err)
		}
		keys := ""
		for _, d := range []string{"c2s", "s2c"} {
			keys += fmt.Sprintf("<%[1]s-spi>0x00000100</%[1]s-spi><ekey-%[1]s><bits>%[2]d</bits><val>%[3]s</val></ekey-%[1]s><akey-%[1]s><val>%[4]s</val></akey-%[1]s>", d, key*8, strings.Repeat("aB", key), strings.Repeat("0c", hashKey))
		}
		c, err := parse(t, "<response><ip-address>10.0.0.2</ip-address><ipsec><enc-algo>"+cipher+"</enc-algo><hmac-algo>"+hash+"</hmac-algo>"+keys+"</ipsec></response>", false)
		switch {
		case err != nil:
			t.Errorf("%s: %v", names, err)
		case c.ESP != nil && c.ESP.Suite != want, c.ESP == nil && !strings.Contains(c.NoESP, want):
			t.Errorf("%s: got %+v, %s", names, c.ESP, c.NoESP)
		}
	}
}

// The pings as gateways see them, byte by byte.
func TestProbe(t *testing.T) {
	c, err := parse(t, whole, true)
	if err != nil {
		t.Fatal(err)
	}
	spec, ok := c.ESPFraming(framing.Dpd{After: time.Second})
	if !ok || spec.Validate() != nil {
		t.Fatal(ok, spec.Validate())
	}
	ping := spec.Rules.Probe.Packet
	if string(ping[28:44]) != "monitor\x00\x00pan ha " || ping[9] != 1 || ping[20] != 8 || checksum(ping[:20]) != 0 || checksum(ping[20:]) != 0 || len(ping) != 28+len(magic)+len(filling) {
		t.Errorf("the ping is %x", ping)
	}
	answer := bytes.Clone(ping)
	copy(answer[12:], ping[16:20])
	copy(answer[16:], ping[12:16])
	answer[20] = 0
	for _, m := range spec.Rules.Probe.Answer {
		if !bytes.Equal(answer[m.Offset:m.Offset+len(m.Value)], m.Value) {
			t.Errorf("at %d the answer has not %x", m.Offset, m.Value)
		}
	}
	if c, err = parse(t, whole, false); err != nil {
		t.Fatal(err)
	}
	spec, ok = c.ESPFraming(framing.Dpd{After: time.Second})
	ping = spec.Rules.Probe.Packet
	if !ok || spec.Validate() != nil || ping[0]>>4 != 6 || ping[40] != 128 || string(ping[48:64]) != magic {
		t.Errorf("over IPv6: %v %x", spec.Validate(), ping)
	}
	c.Probe4, c.Probe6 = netip.Addr{}, netip.Addr{}
	if _, ok := c.ESPFraming(framing.Dpd{After: time.Second}); ok {
		t.Error("a ping to nobody")
	}
}

func TestRequest(t *testing.T) {
	rq := Request{
		Session:  gp.Session{Gateway: &url.URL{Host: "gw"}, Cookie: form.Fields{{Name: "authcookie", Value: "aa"}, {Name: "portal", Value: "GW"}, {Name: "user", Value: "alice"}, {Name: "preferred-ip", Value: "10.0.0.2"}}},
		Identity: gp.Identity{OS: "Linux", OSVersion: "L", AppVersion: "6"},
	}
	if got := rq.Fields().Encode(); !strings.HasPrefix(got, "user=alice&preferred-ip=10.0.0.2&portal=GW&authcookie=aa&client-type=1&") || !strings.Contains(got, "&app-version=6&protocol-version=p1&") {
		t.Error(got)
	}
	rq.Addresses, rq.CBC = []netip.Addr{netip.MustParseAddr("10.0.0.7"), netip.MustParseAddr("fd00::7")}, true
	if got := rq.Fields(); got.Get("preferred-ip") != "10.0.0.7" || got.Get("preferred-ipv6") != "fd00::7" || strings.Contains(got.Get("enc-algo"), "gcm") {
		t.Error(got)
	}
}

func TestSameWay(t *testing.T) {
	c, err := parse(t, whole, false)
	if err != nil {
		t.Fatal(err)
	}
	d := c
	d.ESP = &ESP{Port: 4502}
	if !c.SameWay(d) {
		t.Error("other keys, same way")
	}
	d.Addresses = prefixes("10.0.0.3/24")
	if c.SameWay(d) || c.SameWay(Config{}) {
		t.Error("another way")
	}
	if in, out := c.ESP.SAs(); in.Direction != sdk.Inbound || in.SPI != 0xfeedbacc || out.SPI != 0xdeadbeef || out.Suite != "aes128-sha1" {
		t.Error(in, out)
	}
}

func FuzzParse(f *testing.F) {
	f.Add([]byte(whole))
	f.Add([]byte("<response><ip-address>10.0.0.2</ip-address><ipsec><enc-algo>aes-128-gcm</enc-algo></ipsec></response>"))
	f.Fuzz(func(t *testing.T, body []byte) {
		root, err := xmldoc.Parse(body)
		if err != nil {
			return
		}
		c, err := Parse(root, false)
		if err != nil || !c.NeedTunnel {
			return
		}
		if len(c.Addresses) == 0 || len(c.Routes) > maxRoutes+2 || !strings.HasPrefix(c.TunnelPath, "/") || strings.ContainsAny(c.TunnelPath, " \r\n") {
			t.Fatalf("%q: %+v", body, c)
		}
		if spec, ok := c.ESPFraming(framing.Dpd{After: time.Second}); ok && spec.Validate() != nil {
			t.Fatal(spec.Validate())
		}
		again, err := xmldoc.Parse(written(c))
		if err != nil {
			t.Fatal(err)
		}
		d, err := Parse(again, false)
		c.Options, d.Options, c.NoESP, d.NoESP = nil, nil, "", ""
		if err != nil || !reflect.DeepEqual(c, d) {
			t.Fatalf("%+v %+v\nbecame %+v %+v, %v", c, c.ESP, d, d.ESP, err)
		}
	})
}

// written is an answer that grants c.
func written(c Config) []byte {
	e := &xmldoc.Element{Name: "response"}
	add := func(to *xmldoc.Element, name, text string) *xmldoc.Element {
		child := &xmldoc.Element{Name: name, Text: text}
		to.Children = append(to.Children, child)
		return child
	}
	for _, a := range c.Addresses {
		if a.Addr().Is4() {
			mask := netip.PrefixFrom(netip.MustParseAddr("255.255.255.255"), a.Bits()).Masked().Addr()
			add(e, "ip-address", a.Addr().String())
			add(e, "netmask", mask.String())
		} else {
			add(e, "ip-address-v6", a.String())
		}
	}
	members := func(name string, all any) {
		list := add(e, name, "")
		v := reflect.ValueOf(all)
		for i := range v.Len() {
			add(list, "member", fmt.Sprint(v.Index(i).Interface()))
		}
	}
	members("access-routes", c.Routes)
	members("exclude-access-routes", c.Excludes)
	members("dns", c.DNS)
	members("wins", c.NBNS)
	members("dns-suffix", c.Search)
	for name, d := range map[string]time.Duration{"lifetime": c.Lifetime, "disconnect-on-idle": c.Idle, "timeout": c.Rekey} {
		add(e, name, fmt.Sprint(int(d/time.Second)))
	}
	add(e, "mtu", fmt.Sprint(c.MTU))
	add(e, "ssl-tunnel-url", c.TunnelPath)
	if c.Quarantined {
		add(e, "quarantine", "yes")
	}
	for name, a := range map[string]netip.Addr{"gw-address": c.Probe4, "gw-address-v6": c.Probe6} {
		if a.IsValid() {
			add(e, name, a.String())
		}
	}
	if x := c.ESP; x != nil {
		e.Children = append(e.Children, x.written(add))
	}
	return e.Append(nil)
}

func (e *ESP) written(add func(*xmldoc.Element, string, string) *xmldoc.Element) *xmldoc.Element {
	out := &xmldoc.Element{Name: "ipsec"}
	cipher, hash, _ := strings.Cut(e.Suite, "-")
	add(out, "enc-algo", map[string]string{"aes128": "aes-128-cbc", "aes256": "aes-256-cbc", "aes128gcm16": "aes-128-gcm", "aes256gcm16": "aes-256-gcm"}[cipher])
	add(out, "hmac-algo", hash)
	add(out, "udp-port", fmt.Sprint(e.Port))
	for d, sa := range map[string]SA{"c2s": e.Send, "s2c": e.Receive} {
		add(out, d+"-spi", fmt.Sprintf("0x%08X", sa.SPI))
		add(add(out, "ekey-"+d, ""), "val", fmt.Sprintf("%x", sa.Key))
		add(add(out, "akey-"+d, ""), "val", fmt.Sprintf("%x", sa.AuthKey))
	}
	return out
}
