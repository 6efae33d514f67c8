package main

import (
	"bufio"
	"crypto/ecdsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"

	"github.com/penstock-vpn/penstock/sdk/plugintest"
)

// asa is a gateway in this process: it logs alice in by group and password, checks
// the key binding of each tunnel, and echoes packets.
type asa struct {
	t *testing.T

	goodbyes chan string

	mu      sync.Mutex
	pages   int              // of logins that were asked for
	bound   *ecdsa.PublicKey // announced at login, replaced with each tunnel
	tunnels []net.Conn
	extra   []string // further fields of a granted tunnel
	dead    bool     // the cookie is not known any more
	profile string   // of the user; "": none
}

const (
	cookie   = "Argon-18-Krypton-36"
	password = "Iridium-4711"
)

func newASA(t *testing.T) *asa { return &asa{t: t, goodbyes: make(chan string, 8)} }

// at makes a host whose gateway is this one.
func (a *asa) at(h *plugintest.Host) {
	h.Gateway("tls", plugintest.Any, a.serve)
	h.Gateway("dtls", plugintest.Any, a.serveDTLS)
}

func (a *asa) serve(c net.Conn) {
	for br := bufio.NewReader(c); ; {
		r, err := http.ReadRequest(br)
		if err != nil {
			return
		}
		body, err := io.ReadAll(r.Body)
		if err != nil {
			return
		}
		if r.Method == "CONNECT" {
			a.tunnel(c, br, r)
			return
		}
		text := a.page(r, string(body))
		if _, err := fmt.Fprintf(c, "HTTP/1.1 200 OK\r\nContent-Type: text/xml\r\nContent-Length: %d\r\n\r\n%s", len(text), text); err != nil {
			return
		}
	}
}

// page is the login's next document.
func (a *asa) page(r *http.Request, body string) string {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.pages++
	if der, err := base64.StdEncoding.DecodeString(r.Header.Get("X-AnyConnect-STRAP-Pubkey")); err == nil && len(der) > 0 {
		a.bound = a.public(der)
	}
	if r.Method == "GET" {
		return a.profile
	}
	group, failed := "staff", ""
	if strings.Contains(body, "<group-select>guests</group-select>") {
		group = "guests"
	}
	if strings.Contains(body, `type="auth-reply"`) {
		if strings.Contains(body, "<username>alice</username><password>"+password+"</password>") && strings.Contains(body, "<opaque is-for='sg'><g>"+group+"</g></opaque>") {
			return fmt.Sprintf(`<?xml version="1.0"?><config-auth type="complete"><session-token>%s</session-token><auth id="success"><banner>Welcome to %s</banner></auth>%s</config-auth>`, cookie, group, a.manifest())
		}
		failed = "<error>Login failed.</error>"
	}
	return fmt.Sprintf(`<?xml version="1.0"?><config-auth type="auth-request"><opaque is-for='sg'><g>%s</g></opaque><auth id="main"><title>Login</title>%s<message>Who are you?</message><form>`+
		`<input type="text" name="username" label="Username:"/><input type="password" name="password" label="Password:"/>`+
		`<select name="group_list" label="GROUP:"><option value="%s" selected="true">This</option><option value="guests">Guests</option></select></form></auth></config-auth>`, group, failed, group)
}

func (a *asa) manifest() string {
	if a.profile == "" {
		return ""
	}
	return `<config><vpn-profile-manifest><vpn rev="1.0"><file type="profile" service-type="user"><uri>/profile.xml</uri><hash type="sha1">` + sha1Of(a.profile) + `</hash></file></vpn></vpn-profile-manifest></config>`
}

func (a *asa) public(der []byte) *ecdsa.PublicKey {
	key, err := x509.ParsePKIXPublicKey(der)
	if err != nil {
		a.t.Errorf("a session key that cannot be read: %v", err)
		return nil
	}
	return key.(*ecdsa.PublicKey)
}

// tunnel grants one, or refuses a dead cookie.
func (a *asa) tunnel(c net.Conn, br *bufio.Reader, r *http.Request) {
	a.mu.Lock()
	dead, extra := a.dead || r.Header.Get("Cookie") != "webvpn="+cookie, strings.Join(append(a.extra, "\r\n"), "\r\n")
	a.tunnels = append(a.tunnels, c)
	a.checkProof(r)
	a.mu.Unlock()
	if r.Header.Get("Cookie") == "webvpn=busy" {
		_, _ = io.WriteString(c, "HTTP/1.1 503 Service Unavailable\r\n\r\n")
		return
	}
	if dead {
		_, _ = io.WriteString(c, "HTTP/1.1 401 Unauthorized\r\n\r\n")
		return
	}
	_, _ = io.WriteString(c, "HTTP/1.1 200 CONNECTED\r\nX-CSTP-Address: 10.0.0.2\r\nX-CSTP-Netmask: 255.255.255.0\r\nX-CSTP-MTU: 1400\r\nX-CSTP-Banner: Hello\r\n"+extra)
	a.frames(c, br)
}

// checkProof verifies the signature over the binding and the next key.
func (a *asa) checkProof(r *http.Request) {
	if a.bound == nil && a.pages == 0 && r.Header.Get("X-AnyConnect-STRAP-Verify") == "" {
		return // a cookie from elsewhere
	}
	signature, err := base64.StdEncoding.DecodeString(r.Header.Get("X-AnyConnect-STRAP-Verify"))
	next, err2 := base64.StdEncoding.DecodeString(r.Header.Get("X-AnyConnect-STRAP-Pubkey"))
	if err != nil || err2 != nil || a.bound == nil {
		a.t.Errorf("a tunnel without proof: %v, %v", err, err2)
		return
	}
	digest := sha256.Sum256(append(make([]byte, 32), next...)) // the fake host's binding is all zero
	if !ecdsa.VerifyASN1(a.bound, digest[:], signature) {
		a.t.Error("the proof is not signed with the key that was announced")
	}
	a.bound = a.public(next)
}

// frames echoes data and notes goodbyes.
func (a *asa) frames(c net.Conn, br *bufio.Reader) {
	for head := make([]byte, 8); ; {
		if _, err := io.ReadFull(br, head); err != nil {
			return
		}
		payload := make([]byte, binary.BigEndian.Uint16(head[4:]))
		if _, err := io.ReadFull(br, payload); err != nil {
			return
		}
		switch head[6] {
		case 0:
			_, _ = c.Write(append(head, payload...))
		case 5:
			a.goodbyes <- string(payload)
		}
	}
}

func (a *asa) serveDTLS(c net.Conn) {
	for buffer := make([]byte, 2048); ; {
		n, err := c.Read(buffer)
		if err != nil {
			return
		}
		_, _ = c.Write(buffer[:n])
	}
}

// say sends a frame on the n-th tunnel.
func (a *asa) say(n int, kind byte, text string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	head := []byte{'S', 'T', 'F', 1, 0, byte(len(text)), kind, 0}
	_, _ = a.tunnels[n].Write(append(head, text...))
}

// cut breaks the n-th tunnel.
func (a *asa) cut(n int) {
	a.mu.Lock()
	defer a.mu.Unlock()
	_ = a.tunnels[n].Close()
}
