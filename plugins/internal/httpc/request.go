package httpc

import (
	"fmt"
	"net"
	"net/url"
	"strconv"
	"strings"

	"github.com/penstock-vpn/penstock/sdk/diag"
)

// Request is one request as it goes out: Host first, then Header in order, then
// Content-Length when there is a body.
type Request struct {
	Method string
	Target string // path and query
	Host   string // value of the Host field
	Header Header
	Body   []byte // nil: none
}

// Append writes r in wire form. It refuses what would break the framing of the message.
func (r Request) Append(b []byte) ([]byte, error) {
	if strings.ContainsAny(r.Method+r.Target, " \r\n\x00") || !strings.HasPrefix(r.Target, "/") {
		return b, fmt.Errorf("%q is no request target", r.Target)
	}
	b = fmt.Appendf(b, "%s %s HTTP/1.1\r\n", r.Method, r.Target)
	for _, f := range append(Header{{"Host", r.Host}}, r.Header...) {
		if f.Name == "" || strings.ContainsAny(f.Name, " :\r\n\x00") || strings.ContainsAny(f.Value, "\r\n\x00") {
			return b, diag.Newf(diag.Config, "the value for the header field %s has a line break in it", f.Name)
		}
		b = fmt.Appendf(b, "%s: %s\r\n", f.Name, f.Value)
	}
	if r.Body != nil {
		b = fmt.Appendf(b, "Content-Length: %d\r\n", len(r.Body))
	}
	b = append(b, "\r\n"...)
	return append(b, r.Body...), nil
}

// HostField is the Host field for u: the port only where it is not 443.
func HostField(u *url.URL) string {
	if port := Port(u); port != 443 {
		return net.JoinHostPort(u.Hostname(), strconv.Itoa(port))
	}
	if strings.Contains(u.Hostname(), ":") {
		return "[" + u.Hostname() + "]"
	}
	return u.Hostname()
}

// Port is u's port, 443 when it names none.
func Port(u *url.URL) int {
	port, err := strconv.Atoi(u.Port())
	if err != nil || port < 1 || port > 65535 {
		return 443
	}
	return port
}
