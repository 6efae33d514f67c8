package option

import (
	"strings"
	"testing"

	"github.com/penstock-vpn/penstock/sdk/diag"
)

var schema = Schema{
	{Key: "gateway", Required: true},
	{Key: "mtu", Type: Int, Min: 576, Max: 65535},
	{Key: "offset", Type: Int, Min: -5, Max: 5},
	{Key: "count", Type: Int},
	{Key: "dtls", Type: Bool, Default: "yes"},
	{Key: "compression", Type: Enum, Choices: []string{"none", "lz4"}, Default: "none"},
	{Key: "dpd", Type: Duration},
	{Key: "timeout", Type: Duration, Max: 3600, Default: "300"},
	{Key: "cacert", Type: File},
	{Key: "servercert", Type: List},
	{Key: "password", Secret: true, Required: true},
	{Key: "pin", Type: Int, Secret: true},
	{Key: "dtls-ciphers", Type: List, VisibleIf: Condition{"dtls", "true"}},
	{Key: "level", Required: true, VisibleIf: Condition{"compression", "lz4"}},
}

func TestTheSchemaOfTheTestsIsSound(t *testing.T) {
	if err := schema.Check(); err != nil {
		t.Fatal(err)
	}
}

func TestNormalForms(t *testing.T) {
	for _, c := range []struct{ key, in, want string }{
		{"gateway", "  vpn.example.com ", "vpn.example.com"},
		{"mtu", "+1400", "1400"}, {"mtu", "0576", "576"}, {"mtu", "65535", "65535"}, {"offset", "-5", "-5"}, {"count", "-9000000000", "-9000000000"},
		{"dtls", "YES", "true"}, {"dtls", "On", "true"}, {"dtls", "1", "true"}, {"dtls", "no", "false"}, {"dtls", "off", "false"}, {"dtls", "0", "false"}, {"dtls", "False", "false"},
		{"compression", "LZ4", "lz4"},
		{"dpd", "30", "30s"}, {"dpd", "1m", "1m"}, {"dpd", "90s", "1m30s"}, {"dpd", "1h0m", "1h"}, {"dpd", "1h5m", "1h5m"}, {"dpd", "0", "0s"}, {"dpd", "500ms", "500ms"}, {"timeout", "1h", "1h"},
		{"cacert", "/a b/ca.pem", "/a b/ca.pem"},
		{"servercert", " a, b ,,c", "a,b,c"}, {"servercert", ",", ""},
	} {
		o, _ := schema.Find(c.key)
		got, err := o.Normalise(c.in)
		if err != nil || got != c.want {
			t.Errorf("%s = %q: got %q, %v, want %q", c.key, c.in, got, err, c.want)
		}
		if again, err := o.Normalise(got); got != "" && (err != nil || again != got) {
			t.Errorf("%s: the normal form %q becomes %q, %v", c.key, got, again, err)
		}
	}
}

func TestWrongValuesNameWhatIsAllowed(t *testing.T) {
	for _, c := range []struct{ key, in, want string }{
		{"mtu", "575", "mtu takes a whole number from 576 to 65535"},
		{"mtu", "65536", "a whole number from 576 to 65535"},
		{"mtu", "1400.0", "a whole number"}, {"mtu", "0x600", "a whole number"}, {"mtu", "99999999999999999999", "a whole number"},
		{"count", "many", "count takes a whole number"},
		{"offset", "-6", "from -5 to 5"},
		{"dtls", "maybe", `"maybe" is not allowed; dtls takes true or false (also yes, no, on, off, 1, 0)`},
		{"compression", "zip", "compression takes one of: none, lz4"},
		{"dpd", "-1s", "a duration such as 30s or 5m"}, {"dpd", "soon", "a duration"}, {"dpd", "1d", "a duration"},
		{"dpd", "99999999999999999999", "a duration"},
		{"timeout", "2h", "from 0s to 1h"},
		{"gateway", "a\nb", "control character"}, {"gateway", "a\x1b[2J", "control character"}, {"gateway", "a\x00", "control character"},
		{"gateway", "\xff", "not UTF-8"}, {"gateway", strings.Repeat("x", MaxValue+1), "longer than"},
	} {
		o, _ := schema.Find(c.key)
		if got, err := o.Normalise(c.in); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s = %.40q: got %q, %v, want %s", c.key, c.in, got, err, c.want)
		}
	}
	pin, _ := schema.Find("pin")
	if _, err := pin.Normalise("hunter2"); err == nil || strings.Contains(err.Error(), "hunter2") {
		t.Errorf("a secret is shown or taken: %v", err)
	}
}

func TestValidateFindsEverything(t *testing.T) {
	found := schema.Validate(Values{
		"mtu": "1", "dtls": "no", "dtls-ciphers": "A", "password": "hunter2", "compresion": "none", "zzz": "1",
	})
	want := []struct {
		option, text string
		warning      bool
	}{
		{"mtu", "the option mtu has a wrong value", false},
		{"password", "password is a secret and has no place here", false},
		{"gateway", "the option gateway is missing", false},
		{"dtls-ciphers", "it counts only when dtls is true", true},
		{"compresion", "did you mean compression?", false},
		{"zzz", `there is no option "zzz": no option is spelt like it`, false},
	}
	if len(found) != len(want) {
		t.Fatalf("got %d: %+v", len(found), found)
	}
	for i, w := range want {
		d := found[i]
		if d.Option != w.option || d.Warning != w.warning || d.Code != diag.Config || !strings.Contains(d.Error(), w.text) {
			t.Errorf("got %+v, want %+v", d, w)
		}
		if strings.Contains(d.Error(), "hunter2") {
			t.Errorf("a secret is shown: %s", d.Error())
		}
	}
}

func TestRequiredOptionsOfAHiddenPageAreNotMissing(t *testing.T) {
	for compression, missing := range map[string]bool{"": false, "none": false, "lz4": true, "LZ4": true} {
		found := schema.Validate(Values{"gateway": "a", "compression": compression})
		if (len(found) == 1 && found[0].Option == "level") != missing {
			t.Errorf("compression %q: %+v", compression, found)
		}
	}
}

func TestNormaliseKeepsWhatIsRight(t *testing.T) {
	in := Values{"gateway": " a ", "mtu": "x", "dtls": "off", "cacert": "", "unknown": "1"}
	got, found := schema.Normalise(in)
	if len(found) != 2 || len(got) != 2 || got["gateway"] != "a" || got["dtls"] != "false" {
		t.Errorf("%v, %+v", got, found)
	}
	if in["gateway"] != " a " {
		t.Error("the argument was changed")
	}
}

func TestDefaults(t *testing.T) {
	in := Values{"compression": "lz4", "servercert": ""}
	got := schema.WithDefaults(in)
	if len(in) != 2 || got["dtls"] != "true" || got["timeout"] != "5m" || got["compression"] != "lz4" || got["gateway"] != "" || len(got) != 4 {
		t.Errorf("%v", got)
	}
}

func TestTypesHaveNames(t *testing.T) {
	for i := range typeNames {
		text, err := Type(i).MarshalText()
		var back Type
		if err != nil || back.UnmarshalText(text) != nil || back != Type(i) || Type(i).String() != string(text) {
			t.Errorf("%d: %s, %v, %v", i, text, back, err)
		}
	}
	var back Type
	if back.UnmarshalText([]byte("colour")) == nil {
		t.Error("an unknown type is taken")
	}
	if _, err := Type(99).MarshalText(); err == nil {
		t.Error("an unknown number is written")
	}
}
