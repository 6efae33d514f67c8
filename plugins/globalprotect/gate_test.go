package main

import (
	"bufio"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"

	"github.com/penstock-vpn/penstock/sdk"
	"github.com/penstock-vpn/penstock/sdk/plugintest"
)

const (
	password   = "Iridium-4711"
	authCookie = "0123456789abcdef0123456789abcdef"
	samlCookie = "Krypton-36-Xenon"
)

// gate is a portal and gateway in this process: it logs alice in, hands out keys of
// ESP, and echoes packets over either way.
type gate struct {
	t *testing.T

	mu       sync.Mutex
	noPortal bool
	prelogin string              // elements of the answer
	answers  map[string][]answer // in place of the own ones, in turn
	asked    map[string][]url.Values
	settings string // further elements
	noIPsec  bool
	keys     byte // how often they were made
	esp      *plugintest.ESP
	tunnels  []net.Conn
	dead     bool // the cookie is not known any more
}

// answer is what is said to one request.
type answer struct {
	status int
	body   string
}

func newGate(t *testing.T) *gate {
	return &gate{t: t, answers: map[string][]answer{}, asked: map[string][]url.Values{}}
}

// at makes a host whose portal and gateways are this one.
func (g *gate) at(h *plugintest.Host) {
	h.Gateway("tls", plugintest.Any, g.serve)
	h.Gateway("udp", plugintest.Any, g.serveESP)
}

// will has the next requests for a path answered so.
func (g *gate) will(path string, answers ...answer) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.answers[path] = append(g.answers[path], answers...)
}

// requests are those for a path so far.
func (g *gate) requests(path string) []url.Values {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.asked[path]
}

func (g *gate) serve(c net.Conn) {
	for br := bufio.NewReader(c); ; {
		r, err := http.ReadRequest(br)
		if err != nil {
			return
		}
		body, err := io.ReadAll(r.Body)
		if err != nil {
			return
		}
		if r.URL.Path == "/ssl-tunnel-connect.sslvpn" {
			g.tunnel(c, br, r)
			return
		}
		fields, err := url.ParseQuery(string(body))
		if err != nil {
			g.t.Errorf("%s: %v", r.URL.Path, err)
		}
		if r.UserAgent() != defaultUserAgent {
			g.t.Errorf("%s by %q", r.URL.Path, r.UserAgent())
		}
		a := g.answer(r.URL.Path, fields)
		if _, err := fmt.Fprintf(c, "HTTP/1.1 %d Custom\r\nContent-Length: %d\r\n\r\n%s", a.status, len(a.body), a.body); err != nil {
			return
		}
	}
}

func (g *gate) answer(path string, f url.Values) answer {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.asked[path] = append(g.asked[path], f)
	if next := g.answers[path]; len(next) > 0 {
		g.answers[path] = next[1:]
		return next[0]
	}
	switch path {
	case "/global-protect/prelogin.esp", "/ssl-vpn/prelogin.esp":
		if g.noPortal && strings.HasPrefix(path, "/global") {
			return answer{512, "<prelogin-response><status>Error</status><msg>GlobalProtect portal does not exist</msg></prelogin-response>"}
		}
		return answer{200, "<?xml version='1.0'?><prelogin-response><status>Success</status><region>DE</region>" + g.prelogin + "</prelogin-response>"}
	case "/global-protect/getconfig.esp":
		return g.ifIn(f, policy)
	case "/ssl-vpn/login.esp":
		return g.ifIn(f, accepted)
	case "/ssl-vpn/getconfig.esp":
		return g.config(f)
	case "/ssl-vpn/hipreportcheck.esp":
		return answer{200, `<response status="success"><hip-report-needed>no</hip-report-needed></response>`}
	case "/ssl-vpn/logout.esp", "/ssl-vpn/hipreport.esp":
		return answer{200, `<response status="success"/>`}
	}
	return answer{404, "none"}
}

// ifIn is body for who logs in right.
func (g *gate) ifIn(f url.Values, body string) answer {
	if f.Get("user") == "alice" && (f.Get("passwd") == password || f.Get("prelogin-cookie") == samlCookie || f.Get("portal-userauthcookie") == samlCookie || f.Get("token") == samlCookie) {
		return answer{200, body}
	}
	return answer{512, ""}
}

const (
	policy = `<policy><portal-name>P</portal-name><version>6.2.0-1</version><portal-userauthcookie>empty</portal-userauthcookie>
<gateways><external><list><entry name="gw1.example.com"><description>First</description><priority-rule><entry name="Any"><priority>2</priority></entry></priority-rule></entry>
<entry name="gw2.example.com:8443"><description>Second</description><priority-rule><entry name="DE"><priority>1</priority></entry></priority-rule></entry></list></external></gateways>
<hip-collection><hip-report-interval>7200</hip-report-interval></hip-collection></policy>`
	accepted = `<?xml version='1.0'?><jnlp><application-desc><argument>(null)</argument><argument>` + authCookie + `</argument><argument>p</argument><argument>GW-N</argument>
<argument>Alice.A</argument><argument>LDAP</argument><argument>vsys1</argument><argument>%28empty_domain%29</argument><argument/><argument/><argument/><argument/>
<argument>tunnel</argument><argument>3</argument><argument>4100</argument><argument>10.0.0.2</argument></application-desc></jnlp>`
)

// config hands out settings and new keys.
func (g *gate) config(f url.Values) answer {
	if g.dead || f.Get("authcookie") != authCookie {
		return answer{200, `<response status="error"><error>Invalid authentication cookie</error></response>`}
	}
	g.keys++
	key := func(n int, b byte) string { return strings.Repeat(fmt.Sprintf("%02x", b+g.keys), n) }
	ipsec := ""
	if !g.noIPsec {
		sa := func(d sdk.Direction, spi uint32, b byte) sdk.SA {
			return sdk.SA{Direction: d, SPI: spi + uint32(g.keys), Suite: "aes128-sha1", Key: raw(16, b+g.keys), AuthKey: raw(20, b+1+g.keys)}
		}
		var err error
		if g.esp, err = plugintest.NewESP(sa(sdk.Inbound, 0x1000, 10), sa(sdk.Outbound, 0x2000, 20)); err != nil {
			g.t.Error(err)
		}
		ipsec = fmt.Sprintf(`<ipsec><udp-port>4501</udp-port><ipsec-mode>esp-tunnel</ipsec-mode><enc-algo>aes-128-cbc</enc-algo><hmac-algo>sha1</hmac-algo>
<c2s-spi>0x%08X</c2s-spi><s2c-spi>0x%08X</s2c-spi><ekey-c2s><bits>128</bits><val>%s</val></ekey-c2s><akey-c2s><bits>160</bits><val>%s</val></akey-c2s>
<ekey-s2c><bits>128</bits><val>%s</val></ekey-s2c><akey-s2c><bits>160</bits><val>%s</val></akey-s2c></ipsec>`,
			0x1000+int(g.keys), 0x2000+int(g.keys), key(16, 10), key(20, 11), key(16, 20), key(20, 21))
	}
	return answer{200, `<response status="success"><need-tunnel>yes</need-tunnel><ssl-tunnel-url>/ssl-tunnel-connect.sslvpn</ssl-tunnel-url><lifetime>86400</lifetime>
<gw-address>192.0.2.2</gw-address><ip-address>10.0.0.2</ip-address><netmask>255.255.255.255</netmask><dns><member>10.0.0.1</member></dns><mtu>0</mtu>
<access-routes><member>10.0.0.0/8</member></access-routes>` + g.settings + ipsec + `</response>`}
}

func raw(n int, b byte) []byte { return []byte(strings.Repeat(string([]byte{b}), n)) }

// serveESP echoes what is authentic.
func (g *gate) serveESP(c net.Conn) {
	for buffer := make([]byte, 4096); ; {
		n, err := c.Read(buffer)
		if err != nil {
			return
		}
		g.mu.Lock()
		esp := g.esp
		g.mu.Unlock()
		if esp == nil {
			continue
		}
		if packet, err := esp.Open(buffer[:n]); err == nil {
			_, _ = c.Write(esp.Seal(packet))
		}
	}
}

// tunnel is the one over TLS, which ends that over ESP.
func (g *gate) tunnel(c net.Conn, br *bufio.Reader, r *http.Request) {
	g.mu.Lock()
	dead := g.dead || r.URL.Query().Get("authcookie") != authCookie || r.URL.Query().Get("user") != "Alice.A"
	g.esp = nil
	g.tunnels = append(g.tunnels, c)
	g.mu.Unlock()
	if len(r.Header) > 0 || r.Host != "" {
		g.t.Errorf("a tunnel was asked for with header fields: %v", r.Header)
	}
	if dead {
		_, _ = io.WriteString(c, "HTTP/1.1 502 Bad Gateway\r\n\r\n")
		return
	}
	_, _ = io.WriteString(c, "START_TUNNEL")
	for head := make([]byte, 16); ; {
		if _, err := io.ReadFull(br, head); err != nil {
			return
		}
		payload := make([]byte, binary.BigEndian.Uint16(head[6:]))
		if _, err := io.ReadFull(br, payload); err != nil {
			return
		}
		if want := fmt.Sprintf("1a2b3c4d%04x%04x0100000000000000", etherType(payload), len(payload)); len(payload) > 0 && hex.EncodeToString(head) != want {
			g.t.Errorf("a frame of %x, want %s", head, want)
		}
		_, _ = c.Write(append(head, payload...))
	}
}

func etherType(packet []byte) int {
	if packet[0]>>4 == 6 {
		return 0x86dd
	}
	return 0x0800
}

// cut breaks the n-th tunnel over TLS.
func (g *gate) cut(n int) {
	g.mu.Lock()
	defer g.mu.Unlock()
	_ = g.tunnels[n].Close()
}
