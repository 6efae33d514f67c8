package gpgate

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"regexp"
	"strings"

	"github.com/penstock-vpn/penstock/host/internal/testlab"
)

// Signed is the outcome of a sign-in in the browser.
type Signed struct {
	User   string
	Field  string // "prelogin-cookie" or "portal-userauthcookie", "" with a Callback
	Cookie string // its value
	// Callback is the address that the browser would have the system open.
	Callback string
}

// SignIn does what a browser on the client's machine would: it opens start, an address
// or a page in HTML, fills in the form that comes, and reads the page after that.
func SignIn(ctx context.Context, l *testlab.Lab, start, user, password string) (Signed, error) {
	b, err := newBrowser(ctx, l)
	if err != nil {
		return Signed{}, err
	}
	page := start
	if strings.HasPrefix(start, "https:") {
		if page, _, err = b.open(http.MethodGet, start, nil); err != nil {
			return Signed{}, err
		}
	}
	for range 5 {
		var headers http.Header
		if page, headers, err = b.submit(page, user, password); err != nil {
			return Signed{}, err
		}
		if s, done := outcome(page, headers); done {
			return s, nil
		}
	}
	return Signed{}, fmt.Errorf("the sign-in does not end: %s", page)
}

type browser struct {
	ctx    context.Context
	client http.Client
}

func newBrowser(ctx context.Context, l *testlab.Lab) (*browser, error) {
	pem, err := os.ReadFile(l.PKI.Cert("ca"))
	if err != nil {
		return nil, err
	}
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(pem)
	dial := func(ctx context.Context, _, address string) (net.Conn, error) {
		_, at, err := net.SplitHostPort(address)
		if err != nil {
			return nil, err
		}
		return l.Client.Dial(ctx, net.JoinHostPort(testlab.GatewayV4, at))
	}
	return &browser{ctx, http.Client{Transport: &http.Transport{DialContext: dial, DisableKeepAlives: true,
		TLSClientConfig: &tls.Config{RootCAs: roots}}}}, nil
}

func (b *browser) open(method, to string, form url.Values) (string, http.Header, error) {
	r, err := http.NewRequestWithContext(b.ctx, method, to, strings.NewReader(form.Encode()))
	if err != nil {
		return "", nil, err
	}
	if method == http.MethodPost {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	answer, err := b.client.Do(r)
	if err != nil {
		return "", nil, err
	}
	defer answer.Body.Close()
	page, err := io.ReadAll(answer.Body)
	if err == nil && answer.StatusCode != http.StatusOK {
		err = fmt.Errorf("%s: %s: %s", to, answer.Status, page)
	}
	return string(page), answer.Header, err
}

var (
	action   = regexp.MustCompile(`action="([^"]*)"`)
	hidden   = regexp.MustCompile(`type="hidden" name="([^"]*)" value="([^"]*)"`)
	link     = regexp.MustCompile(`href="(globalprotectcallback:[^"]*)"`)
	comments = regexp.MustCompile(`<(prelogin-cookie|portal-userauthcookie)>([^<]*)</[^>]*><saml-username>([^<]*)<`)
	entities = strings.NewReplacer("&#34;", `"`, "&#39;", "'", "&lt;", "<", "&gt;", ">", "&amp;", "&")
)

// submit fills in the form of a page.
func (b *browser) submit(page, user, password string) (string, http.Header, error) {
	to := action.FindStringSubmatch(page)
	if to == nil {
		return "", nil, fmt.Errorf("a page without a form: %s", page)
	}
	form := url.Values{}
	for _, m := range hidden.FindAllStringSubmatch(page, -1) {
		form.Set(m[1], entities.Replace(m[2]))
	}
	if strings.Contains(page, `name="password"`) {
		form.Set("username", user)
		form.Set("password", password)
	}
	return b.open(http.MethodPost, entities.Replace(to[1]), form)
}

// outcome reads a last page.
func outcome(page string, headers http.Header) (s Signed, done bool) {
	if m := link.FindStringSubmatch(page); m != nil {
		return Signed{Callback: entities.Replace(m[1])}, true
	}
	for _, field := range []string{"prelogin-cookie", "portal-userauthcookie"} {
		if value := headers.Get(field); value != "" {
			return Signed{User: headers.Get("saml-username"), Field: field, Cookie: value}, true
		}
	}
	if m := comments.FindStringSubmatch(page); m != nil {
		return Signed{User: m[3], Field: m[1], Cookie: m[2]}, true
	}
	return s, false
}
