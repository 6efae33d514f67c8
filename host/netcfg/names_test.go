package netcfg

import (
	"strings"
	"testing"
)

func TestDomain(t *testing.T) {
	for in, want := range map[string]string{
		"example.com": "example.com", "example.com.": "example.com", ".example.com": "example.com", "*.example.com": "example.com",
		"_srv.a-b.example": "_srv.a-b.example", "xn--bcher-kva.example": "xn--bcher-kva.example",
		"b\u00fccher.example": "", "a..b": "", ".": "", "*": "", "": "", "-a.b": "", "a-.b": "a-.b", "a/b": "", "a'b": "", "$x": "", "a b": "", "a\n": "",
		strings.Repeat("a.", 126) + "a": strings.Repeat("a.", 126) + "a", strings.Repeat("a.", 127) + "a": "", strings.Repeat("a", 64): "",
	} {
		if got, ok := Domain(in); got != want || ok != (want != "") {
			t.Errorf("%q: got %q, %v, want %q", in, got, ok, want)
		}
	}
}

func TestPAC(t *testing.T) {
	for in, want := range map[string]bool{
		"http://pac.example/proxy.pac": true, "https://[2001:db8::1]:8080/p?a=b": true, "": false, "file:///etc/passwd": false, "http://": false,
		"http://a/ b": false, "http://a/\nb": false, "http://a/'b": false, "http://a/\"b": false, "http://a/`b`": false, "http://a/$b": false, "HTTP": false,
		"javascript:alert(1)": false, "http://a/" + strings.Repeat("x", maxURL): false,
	} {
		if got := PAC(in); got != want {
			t.Errorf("%q gives %v", in, got)
		}
	}
}

func FuzzDomain(f *testing.F) {
	f.Add("*.example.com.")
	f.Add("http://a/'")
	f.Fuzz(func(t *testing.T, s string) {
		name, ok := Domain(s)
		if again, fine := Domain(name); ok && (!fine || again != name) || strings.Trim(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.") != "" {
			t.Errorf("%q gives %q", s, name)
		}
		if PAC(s) && strings.ContainsAny(s, "'\"`$\\ \n\x00") {
			t.Errorf("the address %q", s)
		}
	})
}
