package foreign

import (
	"encoding/base64"
	"flag"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"unicode/utf16"
)

var update = flag.Bool("update", false, "write what the samples say anew")

// told is a result as a text, secrets and all.
func told(r Result) string {
	var b strings.Builder
	for _, c := range r.Connections {
		fmt.Fprintf(&b, "%s\n", c.Name)
		for _, key := range slices.Sorted(maps.Keys(c.Options)) {
			fmt.Fprintf(&b, "  %s = %s\n", key, c.Options[key])
		}
		for _, key := range slices.Sorted(maps.Keys(c.Secrets)) {
			fmt.Fprintf(&b, "  secret %s = %s\n", key, c.Secrets[key].Reveal())
		}
		for _, key := range slices.Sorted(maps.Keys(c.Flags)) {
			fmt.Fprintf(&b, "  flags of %s = %s\n", key, c.Flags[key])
		}
		for _, key := range slices.Sorted(maps.Keys(c.Keys)) {
			fmt.Fprintf(&b, "  kept %s = %s\n", key, c.Keys[key])
		}
		for _, key := range slices.Sorted(maps.Keys(c.Files)) {
			fmt.Fprintf(&b, "  file %s = %d bytes %s\n", key, len(c.Files[key].Data.Reveal()), c.Files[key].Ending)
		}
		for _, note := range slices.Sorted(slices.Values(c.Notes)) {
			fmt.Fprintf(&b, "  note %s\n", note)
		}
	}
	for _, note := range r.Notes {
		fmt.Fprintf(&b, "note %s\n", note)
	}
	return b.String()
}

// samples are files as the other programs write them, each beside what it says (.want).
func samples(t testing.TB) (names []string) {
	all, err := filepath.Glob("testdata/*")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range all {
		if info, err := os.Stat(name); err == nil && info.Mode().IsRegular() && filepath.Ext(name) != ".want" {
			names = append(names, name)
		}
	}
	return names
}

func TestSamples(t *testing.T) {
	for _, name := range samples(t) {
		t.Run(filepath.Base(name), func(t *testing.T) {
			text, err := os.ReadFile(name)
			if err != nil {
				t.Fatal(err)
			}
			r, err := Read(text)
			if err != nil {
				t.Fatal(err)
			}
			if *update {
				if err := os.WriteFile(name+".want", []byte(told(r)), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, _ := os.ReadFile(name + ".want")
			if got := told(r); got != string(want) {
				t.Errorf("%s says:\n%s\nwant:\n%s", name, got, want)
			}
		})
	}
}

func TestRefused(t *testing.T) {
	deep := strings.Repeat("<a>", maxDepth+1) + strings.Repeat("</a>", maxDepth+1)
	for name, c := range map[string]struct{ text, want string }{
		"binary":     {"bplist00\xd1\x01\x02", "plutil -convert xml1"},
		"signed":     {"\x30\x82\x10\x00\x06\x09", "openssl smime -verify"},
		"PEM":        {"-----BEGIN PKCS7-----\n", "openssl smime -verify"},
		"empty":      {" \n", "empty"},
		"kind":       {"[thing]\na=b\n", "no known kind"},
		"wifi":       {"[connection]\ntype=wifi\n[wifi]\nssid=a\n", "not of a VPN plugin"},
		"service":    {"[connection]\nid=a\ntype=vpn\n[vpn]\nservice-type=org.freedesktop.NetworkManager.openvpn\n", "cannot be taken over; those of l2tp, openconnect, pptp, sstp, strongswan, vpnc can"},
		"encrypted":  {`<plist><dict><key>PayloadType</key><string>Configuration</string><key>EncryptedPayloadContent</key><data>AAAA</data></dict></plist>`, "encrypted"},
		"no VPN":     {`<plist><dict><key>PayloadType</key><string>Configuration</string><key>PayloadContent</key><array/></dict></plist>`, "no VPN connection"},
		"other JSON": {`{"a": 1}`, "no strongSwan profile"},
		"bad JSON":   {`{"a": `, "not valid JSON"},
		"deep JSON":  {`{"a":` + strings.Repeat("[", maxDepth+1), "within each other"},
		"deep XML":   {deep, "within each other"},
		"other XML":  {"<html></html>", `but "html"`},
		"charset":    {`<?xml version="1.0" encoding="EBCDIC"?><a/>`, "save it as UTF-8"},
		"unknown VPN": {`<plist><dict><key>PayloadType</key><string>Configuration</string><key>PayloadContent</key><array><dict>` +
			`<key>PayloadType</key><string>com.apple.vpn.managed</string><key>UserDefinedName</key><string>X</string><key>VPNType</key><string>AlwaysOn</string>` +
			`</dict></array></dict></plist>`, "X: a VPN of the type AlwaysOn"},
		"large": {strings.Repeat(" ", MaxFile+1), "at most"},
	} {
		r, err := Read([]byte(c.text))
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: got %v and %s, want an error with %q", name, err, told(r), c.want)
		}
	}
}

func TestUTF16(t *testing.T) {
	text, err := os.ReadFile("testdata/rasphone.pbk")
	if err != nil {
		t.Fatal(err)
	}
	plain, err := Read(text)
	if err != nil {
		t.Fatal(err)
	}
	wide := []byte{0xff, 0xfe}
	for _, unit := range utf16.Encode([]rune(string(text))) {
		wide = append(wide, byte(unit), byte(unit>>8))
	}
	if r, err := Read(wide); err != nil || told(r) != told(plain) {
		t.Errorf("in UTF-16: %v\n%s", err, told(r))
	}
}

// The gateway's own certificate becomes a pin, since no authority is in it.
func TestOwnCertificateIsPinned(t *testing.T) {
	profile, err := os.ReadFile("testdata/pinned/server.der")
	if err != nil {
		t.Fatal(err)
	}
	r, err := Read([]byte(`{"type":"ikev2-eap","remote":{"addr":"a","cert":"` + base64.StdEncoding.EncodeToString(profile) + `"}}`))
	if err != nil {
		t.Fatal(err)
	}
	if pin := r.Connections[0].Options["servercert"]; !strings.HasPrefix(pin, "pin-sha256:") || len(pin) != len("pin-sha256:")+44 {
		t.Errorf("the pin is %q", pin)
	}
}

// No value of a file gets into the notes: it may be a secret.
func TestNotesShowNoValues(t *testing.T) {
	const value = "h1dden"
	for _, text := range []string{
		"[connection]\nid=a\ntype=vpn\n[vpn]\nservice-type=org.freedesktop.NetworkManager.openconnect\nnovel=" + value + "\n[vpn-secrets]\nform:a:b=" + value + "\nother=" + value + "\nstoken_string=" + value,
		`{"type":"ikev2-eap","remote":{"addr":"a"},"local":{"shared":"` + value + `"}}`,
		"[a]\nType=2\nVpnStrategy=7\nPhoneNumber=a\nNovel=" + value,
	} {
		r, err := Read([]byte(text))
		if err != nil {
			t.Fatal(err)
		}
		notes := strings.Join(r.Connections[0].Notes, "\n")
		if notes == "" || strings.Contains(notes, value) {
			t.Errorf("the notes on %s: %q", text, notes)
		}
	}
}

func FuzzRead(f *testing.F) {
	for _, name := range samples(f) {
		text, err := os.ReadFile(name)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		r, err := Read(text)
		if err != nil {
			return
		}
		for _, c := range r.Connections {
			if c.Options["protocol"] == "" {
				t.Errorf("%q has no protocol", c.Name)
			}
			if c.Name != printable(c.Name, maxName) {
				t.Errorf("the name %q cannot be shown", c.Name)
			}
			for _, note := range append(c.Notes, r.Notes...) {
				if note != printable(note, maxNote) {
					t.Errorf("the note %q cannot be shown", note)
				}
			}
		}
	})
}
