package loadgate

import (
	"encoding/hex"
	"fmt"
	"io"
	"net/http"
	"strings"

	"github.com/penstock-vpn/penstock/host/internal/testlab"
	"github.com/penstock-vpn/penstock/host/internal/testlab/hostile"
)

// complete is the end of a login: at once, without a form.
const complete = `<?xml version="1.0" encoding="UTF-8"?>
<config-auth client="vpn" type="complete"><version who="sg">0.1(1)</version>
<session-token>%s</session-token><auth id="success"><title>SSL VPN Service</title></auth></config-auth>
`

// login takes whoever asks in the newer way, in XML; what else is asked, a logout
// for one, gets an empty answer.
func (g *gateway) login(w io.Writer, r *http.Request) error {
	if _, err := io.Copy(io.Discard, io.LimitReader(r.Body, 1<<20)); err != nil {
		return err
	}
	if r.Method != http.MethodPost {
		hostile.Reply(w, "200 OK", "")
		return nil
	}
	s := g.newSession()
	hostile.Reply(w, "200 OK", fmt.Sprintf(complete, s.cookie), "Set-Cookie: webvpn="+s.cookie+"; Secure")
	return nil
}

func refuse(w io.Writer) error {
	_, err := io.WriteString(w, "HTTP/1.1 401 Unauthorized\r\nX-Reason: no such session\r\nContent-Length: 0\r\n\r\n")
	return err
}

// grant answers a CONNECT. The timers are those of the lab's ocserv.
func (s *session) grant(w io.Writer, r *http.Request) error {
	lines := []string{
		"HTTP/1.1 200 CONNECTED", "X-CSTP-Version: 1",
		"X-CSTP-Address: " + s.v4(), "X-CSTP-Netmask: 255.255.255.0",
		"X-CSTP-Split-Include: " + testlab.InsideV4 + "/255.255.255.255",
		fmt.Sprintf("X-CSTP-MTU: %d", s.config.MTU), "X-CSTP-Base-MTU: 1500",
		"X-CSTP-DPD: 30", "X-CSTP-Keepalive: 20", "X-CSTP-Rekey-Method: none",
	}
	if s.v6() != "" && r.Header.Get("X-CSTP-Full-IPv6-Capability") == "true" {
		lines = append(lines, "X-CSTP-Address-IP6: "+s.v6()+"/128", "X-CSTP-Split-Include-IP6: "+testlab.InsideV6+"/64")
	}
	if s.key != nil && strings.Contains(r.Header.Get("X-DTLS-CipherSuite"), "PSK-NEGOTIATE") {
		lines = append(lines, fmt.Sprintf("X-DTLS-Port: %d", port), "X-DTLS-CipherSuite: PSK-NEGOTIATE",
			"X-DTLS-App-ID: "+hex.EncodeToString(s.app), fmt.Sprintf("X-DTLS-MTU: %d", s.config.MTU),
			"X-DTLS-DPD: 30", "X-DTLS-Keepalive: 20", "X-DTLS-Rekey-Method: none")
	}
	_, err := io.WriteString(w, strings.Join(lines, "\r\n")+"\r\n\r\n")
	return err
}
