package config

import (
	"os"
	"strings"
	"testing"

	"github.com/penstock-vpn/penstock/sdk/diag"
)

// FuzzParse: any text gives connections or one diagnostic with a place, and what a
// connection resolves to is valid under the schema.
func FuzzParse(f *testing.F) {
	for _, seed := range []string{
		"[connection.corp]\nprotocol='anyconnect'\nmtu=1400\nservercert=['a','b']\n",
		"connection.x.dtls = true\n", "[connection]\nx = {mtu = 1}\n", "[[connection.x]]\n", "a.b.c = [[1],[2]]",
		"[connection.\"a b\"]\n", "[connection.x]\npassword='p'\npassword-file='/dev/null'\n", "\xef\xbb\xbf[connection.x]",
	} {
		f.Add(seed)
	}
	info, err := os.Stat(f.TempDir())
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, text string) {
		if strings.Contains(text, "-file") {
			return // would read a file of the machine
		}
		in := &file{path: "/x.toml", data: []byte(text), info: info, connections: map[string]Connection{}}
		if err := in.parse(); err != nil {
			if d := diag.Of(err); d.Code != diag.Config || !strings.HasPrefix(d.Summary, "/x.toml") {
				t.Fatalf("an error without a place: %v", err)
			}
			return
		}
		for _, c := range in.connections {
			r, found := c.Resolve(schema)
			for _, d := range found {
				if !strings.HasPrefix(d.Summary, "/x.toml") {
					t.Fatalf("a diagnostic without a place: %+v", d)
				}
			}
			if _, again := schema.Normalise(r.Values); hasErrors(again, "protocol", "gateway") {
				t.Fatalf("resolved values %v are not valid: %+v", r.Values, again)
			}
		}
	})
}

// hasErrors says whether there is more than the absence of some options.
func hasErrors(found []diag.Diagnostic, missing ...string) bool {
	for _, d := range found {
		if !strings.Contains(strings.Join(missing, " "), d.Option) && !d.Warning {
			return true
		}
	}
	return false
}
