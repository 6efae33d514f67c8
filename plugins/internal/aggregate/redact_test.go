package aggregate

import (
	"strings"
	"testing"
)

func TestRedactKeepsNoSecret(t *testing.T) {
	f := &Form{Inputs: []Input{{Name: "username", Value: "alice"}, {Name: "password", Value: "SECRET1"}, {Name: "odd_field", Value: "SECRET2"}}}
	for name, body := range map[string]string{
		"reply":   string(Composer{Version: "v1", OS: "linux-64"}.Reply(f, []byte("<opaque><x>SECRET3</x></opaque>"), "SECRET4")),
		"success": `<config-auth><session-token>SECRET5</session-token><auth id="success"/></config-auth>`,
		"hidden":  `<form><input type="hidden" name="csrf" value="SECRET6"/><csd token="SECRET7" ticket="SECRET8"/></form>`,
		"plain":   "username=alice&password=SECRET9",
		"broken":  "<a><password>SECRET0</a",
		"mixed":   "<username>alice<b/>SECRET1</username>",
	} {
		if got := Redact([]byte(body)); strings.Contains(got, "SECRET") {
			t.Errorf("%s: %s", name, got)
		}
	}
	if got := Redact([]byte(userForm)); !strings.Contains(got, "Please enter your username and password.") || !strings.Contains(got, `label="Password:"`) {
		t.Errorf("a form: %s", got)
	}
}

func FuzzRedact(f *testing.F) {
	f.Add(userForm)
	f.Add("<a><![CDATA[x]]></a>")
	f.Fuzz(func(t *testing.T, text string) {
		secret := "s3cr3t"
		if strings.Contains(text, secret) || strings.Contains(Redact([]byte(text)), secret) {
			return
		}
		if got := Redact([]byte("<password>" + secret + "</password>" + text)); strings.Contains(got, secret) {
			t.Fatalf("kept: %s", got)
		}
	})
}

func TestParseEntries(t *testing.T) {
	got, err := ParseEntries("main:secondary_password=push,main:a=b=c:d,x:y=")
	if err != nil || len(got) != 3 || got[1] != (Entry{"main", "a", "b=c:d"}) || got[2].Value != "" {
		t.Errorf("got %+v, %v", got, err)
	}
	for _, wrong := range []string{"main", "main:x", "main=x", ":x=y", "main:=y"} {
		if _, err := ParseEntries(wrong); err == nil {
			t.Errorf("%q was taken", wrong)
		}
	}
}
