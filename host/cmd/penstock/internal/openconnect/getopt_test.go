package openconnect

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// read parses args and returns the options with their arguments, as name=argument.
func read(args ...string) (options, operands []string, err error) {
	w := &words{program: "openconnect", left: args}
	for {
		o, arg, err := w.next()
		if err != nil {
			return options, w.operands, err
		}
		if o == nil {
			return options, w.operands, nil
		}
		text := o.name
		if o.argument {
			text += "=" + arg
		}
		options = append(options, text)
	}
}

func TestWords(t *testing.T) {
	for _, c := range []struct {
		args, options, operands string
	}{
		{"host", "", "host"},
		{"-b host -v", "background verbose", "host"},
		{"-bvv host", "background verbose verbose", "host"},
		{"-bualice host", "background user=alice", "host"},
		{"-u alice host", "user=alice", "host"},
		{"-u=alice host", "user==alice", "host"},
		{"--user=alice --user bob host", "user=alice user=bob", "host"},
		{"--user= host", "user=", "host"},
		{"--authg=x --cookie-on host", "authgroup=x cookie-on-stdin", "host"},
		{"--cookie x --mca-key", "", ""},
		{"--user --no-dtls host", "user=--no-dtls", "host"},
		{"-- --user -b", "", "--user -b"},
		{"- host", "", "- host"},
		{"--server=host -SSl", "server=host script-tun script-tun syslog", ""},
	} {
		if c.options == "" && c.operands == "" {
			continue
		}
		options, operands, err := read(strings.Fields(c.args)...)
		if err != nil || !slices.Equal(options, strings.Fields(c.options)) || !slices.Equal(operands, strings.Fields(c.operands)) {
			t.Errorf("%s: %q %q %v", c.args, options, operands, err)
		}
	}
}

// The words are those of openconnect 9.01 on Debian 12.
func TestWrongWords(t *testing.T) {
	for args, want := range map[string]string{
		"--no":         "option '--no' is ambiguous; possibilities: '--no-deflate' '--no-dtls' '--no-passwd' '--no-proxy' '--no-http-keepalive' '--no-cert-check' '--non-inter' '--no-xmlpost' '--no-system-trust'",
		"--c=3":        "option '--c=3' is ambiguous; possibilities: '--csd-user' '--csd-wrapper' '--certificate' '--cookie' '--compression' '--cert-expire-warning' '--cafile' '--config' '--cookieonly' '--cookie-on-stdin'",
		"--foo=bar":    "unrecognized option '--foo=bar'",
		"--user":       "option '--user' requires an argument",
		"--no-dtls=3":  "option '--no-dtls' doesn't allow an argument",
		"-z":           "invalid option -- 'z'",
		"-bz":          "invalid option -- 'z'",
		"-u":           "option requires an argument -- 'u'",
		"host --mca-k": "option '--mca-k' is ambiguous; possibilities: '--mca-key' '--mca-key-password'",
	} {
		if _, _, err := read(strings.Fields(args)...); err == nil || err.Error() != "openconnect: "+want {
			t.Errorf("%s: %v", args, err)
		}
	}
}

// openconnect is the other program's output; exit statuses are another test's matter.
func openconnect(t *testing.T, args ...string) string {
	t.Helper()
	t.Setenv("PATH", os.Getenv("PATH")+":/usr/sbin")
	out, err := exec.Command("openconnect", args...).CombinedOutput()
	if len(out) == 0 {
		t.Fatal(err)
	}
	return string(out)
}

// The installed one has the options that are here, in this order, and no others. An
// abbreviation to nothing has it list them.
func TestOptionsAreOpenConnects(t *testing.T) {
	_, _, err := read("--=x")
	if said, _, _ := strings.Cut(openconnect(t, "--=x"), "\n"); err == nil || said != err.Error() {
		t.Errorf("openconnect says\n%s\nand here is\n%v", said, err)
	}
	lines := regexp.MustCompile(`(?m)^  (?:-(.), |    )--([a-z0-9-]+)(=?)`).FindAllStringSubmatch(openconnect(t, "--help"), -1)
	if len(lines) < 70 {
		t.Errorf("openconnect's help has %d options", len(lines))
	}
	for _, m := range lines {
		o := match(m[2])[0]
		if letter := strings.Trim(string(o.letter), "\x00"); o.name != m[2] || letter != m[1] || o.argument != (m[3] != "") {
			t.Errorf("openconnect has %q, and here is -%s --%s", m[0], letter, o.name)
		}
		if o.help == "" {
			t.Errorf("--%s is not in the help", o.name)
		}
	}
}

// The protocols are those that it names.
func TestProtocolsAreOpenConnects(t *testing.T) {
	_, list, _ := strings.Cut(openconnect(t, "--version"), "Supported protocols: ")
	list, _, _ = strings.Cut(strings.Replace(list, " (default)", "", 1), "\n")
	if list != strings.Join(protocols, ", ") {
		t.Errorf("openconnect knows %s", list)
	}
}

// The letters are OpenConnect's.
func TestLetters(t *testing.T) {
	var letters []byte
	for _, o := range table {
		if o.letter != 0 {
			letters = append(letters, o.letter)
			if o.argument {
				letters = append(letters, ':')
			}
		}
	}
	want := "bC:c:Dde:F:g:hi:k:lm:P:p:Q:qSs:U:u:Vvx:"
	if len(letters) != len(want) {
		t.Errorf("%d letters, want %d", len(letters), len(want))
	}
	for i := 0; i < len(want); i++ {
		if want[i] == ':' {
			continue
		}
		o := byLetter(want[i])
		if o == nil || o.argument != (i+1 < len(want) && want[i+1] == ':') {
			t.Errorf("-%c is %+v", want[i], o)
		}
	}
}

func configured(t *testing.T, text string) (*Request, error) {
	t.Helper()
	name := filepath.Join(t.TempDir(), "config")
	if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return parse("openconnect", []string{"--config", name, "host"}, os.Stdin, true)
}

func TestConfigFile(t *testing.T) {
	r, err := configured(t, "# a comment\n\n  user = alice\r\nauthgroup\tstaff of = it\n\tno-dtls\nmtu=1300\nuseragent  =a=b\nservercert sha1:aaaa\nservercert sha1:bbbb")
	if err != nil {
		t.Fatal(err)
	}
	if r.user != "alice" || r.group != "staff of = it" || r.set["no-dtls"] != "true" || r.set["mtu"] != "1300" || r.set["useragent"] != "a=b" || len(r.pins) != 2 {
		t.Errorf("%+v", r)
	}
	for text, want := range map[string]string{
		"foo bar":          "Unrecognised option at line 1: 'foo'",
		"\n\nuse x":        "Unrecognised option at line 3: 'use'",
		"user=":            "Option 'user' requires an argument at line 1",
		"no-dtls=x":        "Option 'no-dtls' does not take an argument at line 1",
		"config=x":         "Cannot use 'config' option inside config file",
		"xmlconfig=x":      "The option --xmlconfig cannot be honoured: name the gateway itself; the profile that it hands out is read by itself",
		"--user x":         "Unrecognised option at line 1: '--user'",
		"token-mode=slate": "Invalid software token mode \"slate\"",
	} {
		if _, err := configured(t, text); err == nil || err.Error() != want {
			t.Errorf("%q: %v", text, err)
		}
	}
	if _, err := parse("openconnect", []string{"--config", "/nonexistent", "x"}, os.Stdin, true); err == nil || err.Error() != "Cannot open config file '/nonexistent': No such file or directory" {
		t.Error(err)
	}
}

func FuzzConfigLine(f *testing.F) {
	for _, seed := range []string{"user = alice", "no-dtls", "# x", "mtu==3", "resolve a:b", "\tform-entry a:b=c"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, line string) {
		o, arg, err := parseLine(line, 1)
		if err != nil || o == nil {
			return
		}
		if o.argument == (arg == "") || !strings.Contains(line, o.name) || !strings.Contains(line, arg) {
			t.Errorf("%q became %s %q", line, o.name, arg)
		}
	})
}

func FuzzWords(f *testing.F) {
	for _, seed := range []string{"-bu\x00alice\x00host", "--user=x\x00--\x00-b", "--no-d\x00-F\x00a:b=c"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		args := strings.Split(text, "\x00")
		options, operands, err := read(args...)
		if err != nil {
			return
		}
		if len(options)+len(operands) > len(text)+1 {
			t.Errorf("%q became %q and %q", args, options, operands)
		}
		for _, o := range operands {
			if !slices.Contains(args, o) {
				t.Errorf("the operand %q is none of %q", o, args)
			}
		}
	})
}
