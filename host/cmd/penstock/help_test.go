package main

import (
	"bytes"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/creack/pty"

	"github.com/penstock-vpn/penstock/host"
	"github.com/penstock-vpn/penstock/host/internal/control"
	"github.com/penstock-vpn/penstock/host/internal/doctor"
	"github.com/penstock-vpn/penstock/sdk/diag"
)

func TestHelpTellsTheExitStatuses(t *testing.T) {
	dir := pluginFolder(t)
	help := penstock(t, "connect", "--help", "--protocol", "testproto")
	if help.status != 0 || help.profile != nil {
		t.Fatalf("%d %s", help.status, help.err)
	}
	ours, rest, _ := strings.Cut(help.out, "Options of every connection:\n")
	common, plugins, _ := strings.Cut(rest, "Options of testproto:\n")
	golden(t, "help-connect", ours+plugins)
	for _, o := range host.CommonOptions() {
		flag := " --" + o.Key + " "
		if o.Secret {
			flag = " --" + o.Key + "-file "
		}
		if !strings.Contains(common, flag) && !strings.Contains(common, " --no-"+o.Key+" ") {
			t.Errorf("help lacks %s", flag)
		}
	}
	for _, args := range [][]string{{"--help"}, {"connect", "-h"}} {
		if got := penstock(t, args...); !strings.Contains(got.out, strings.TrimSpace(exitHelp)) {
			t.Errorf("%v: %s", args, got.out)
		}
	}
	golden(t, "plugin-list", strings.ReplaceAll(penstock(t, "plugin", "list").out, dir, "DIR"))
	golden(t, "plugin-list-json", strings.ReplaceAll(penstock(t, "plugin", "list", "--json").out, dir, "DIR"))
}

func connections() []control.Status {
	return []control.Status{
		{
			Name: "corp", Protocol: "anyconnect", State: control.Connected, Interface: "penstock0", Gateway: "https://vpn.example.com",
			Addresses: []netip.Prefix{netip.MustParsePrefix("10.77.0.2/24"), netip.MustParsePrefix("fd00::2/64")}, MTU: 1406, Transport: "dtls",
			Cipher: "TLS_AES_128_GCM_SHA256", RxBytes: 1234567, TxBytes: 890, RxPackets: 1000, TxPackets: 10,
			ConnectedAt: time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC), PluginPID: 4711, PID: 4700,
		},
		{Name: "lab\x1b[2J", Protocol: "anyconnect", State: "connecting", Gateway: "lab", PID: 4800},
	}
}

func TestStatusForPeopleAndPrograms(t *testing.T) {
	now := time.Date(2026, 1, 2, 5, 7, 0, 0, time.UTC)
	var table, colored, list, empty bytes.Buffer
	printStatus(&table, connections(), now, false)
	golden(t, "status", table.String())
	printStatus(&colored, connections(), now, true)
	if got := strings.NewReplacer(green, "", yellow, "", plain, "").Replace(colored.String()); got != table.String() || got == colored.String() {
		t.Errorf("colours change more than colours: %q", colored.String())
	}
	if err := printJSON(&list, connections()[:1]); err != nil {
		t.Fatal(err)
	}
	golden(t, "status-json", list.String())
	if err := printJSON[control.Status](&empty, nil); err != nil || empty.String() != "[]\n" {
		t.Errorf("%q %v", empty.String(), err)
	}
	if got := penstock(t, "status", "--json"); got.out != "[]\n" || got.status != 0 {
		t.Errorf("%+v", got)
	}
	if got := penstock(t, "status"); got.out != "No connection is running.\n" || got.status != 0 {
		t.Errorf("%+v", got)
	}
}

func TestAnnouncements(t *testing.T) {
	var out bytes.Buffer
	stood := 0
	n := &announcer{out: &output{sink: &sink{out: &out}}, connected: func() { stood++ }}
	up := connections()[0]
	tls, dtls := up, up
	tls.Transport = "tls"
	for _, s := range []host.Status{{State: "connecting"}, tls, dtls, dtls, tls, {State: control.Reconnecting}, {State: control.Reconnecting}, dtls, {State: control.Disconnecting}} {
		n.change(s)
	}
	golden(t, "announcements", out.String())
	if stood != 2 {
		t.Errorf("connected %d times", stood)
	}
}

func TestProblemsAreCalm(t *testing.T) {
	var out, err bytes.Buffer
	s := &sink{out: &out, err: &err}
	s.problem(diag.New(diag.AuthRefused, "the gateway refused\x1b[2J it.", "try\nagain"))
	s.problem(problems{{Summary: "one"}, {Summary: "two", Detail: "do this"}})
	s.problem(exitWith(3))
	s.problem(nil)
	s.color = true
	s.diagnostic(diag.Diagnostic{Warning: true, Summary: "careful"})
	golden(t, "problems", err.String())
	if out.Len() > 0 {
		t.Errorf("stdout: %q", out.String())
	}
}

func TestSizesAndTimes(t *testing.T) {
	for n, want := range map[uint64]string{0: "0 B", 999: "999 B", 1000: "1.0 kB", 999_949: "999.9 kB", 999_999: "1.0 MB", 1_500_000_000: "1.5 GB", 1<<64 - 1: "18.4 EB"} {
		if got := size(n); got != want {
			t.Errorf("%d: %q, want %q", n, got, want)
		}
	}
	at := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	for d, want := range map[time.Duration]string{-time.Hour: "0s", 59 * time.Second: "59s", 61 * time.Second: "1m1s", 25 * time.Hour: "1d1h", 90 * time.Minute: "1h30m"} {
		if got := since(at, at.Add(d)); got != want {
			t.Errorf("%s: %q, want %q", d, got, want)
		}
	}
}

func TestPluginVerify(t *testing.T) {
	dir := pluginFolder(t)
	if got := penstock(t, "plugin", "verify"); got.status != 0 || !strings.Contains(got.out, "testing 1.2.3") {
		t.Errorf("%+v", got)
	}
	change(t, dir)
	for _, args := range [][]string{{"plugin", "verify"}, {"plugin", "verify", "testproto"}, {"plugin", "verify", "--json"}} {
		got := penstock(t, args...)
		if got.status != 6 || !strings.Contains(got.err, "is not the one that was installed") {
			t.Errorf("%v: %+v", args, got)
		}
		if args[len(args)-1] == "--json" && !strings.Contains(got.out, `"verified": false`) {
			t.Errorf("%s", got.out)
		}
	}
}

func TestDoctorSaysWhatFails(t *testing.T) {
	change(t, pluginFolder(t))
	got := penstock(t, "doctor")
	if got.status != 1 || !strings.Contains(got.out, "fail  plugins") || !strings.Contains(got.out, "leftovers") {
		t.Errorf("%d\n%s%s", got.status, got.out, got.err)
	}
}

// Only a terminal gets colours, and none whose user minds them.
func TestNoColor(t *testing.T) {
	master, tty, err := pty.Open()
	if err != nil {
		t.Fatal(err)
	}
	defer master.Close() //nolint:errcheck // of the test
	defer tty.Close()    //nolint:errcheck // of the test
	file, err := os.Create(filepath.Join(t.TempDir(), "file"))
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close() //nolint:errcheck // of the test
	for _, c := range []struct {
		to          *os.File
		mind, shape string
		want        bool
	}{{tty, "", "xterm", true}, {tty, "1", "xterm", false}, {tty, "", "dumb", false}, {file, "", "xterm", false}} {
		t.Setenv("NO_COLOR", c.mind)
		t.Setenv("TERM", c.shape)
		report := doctor.Report{Level: doctor.Fail, Findings: []doctor.Finding{{Topic: "tun", Level: doctor.Fail, Found: "there is none", Why: "packets", Do: "modprobe"}}}
		var text bytes.Buffer
		a := &app{out: newOutput(c.to, c.to)}
		a.out.out = c.to
		if got := a.outColor(); got != c.want {
			t.Errorf("NO_COLOR=%s TERM=%s: colours are %t", c.mind, c.shape, got)
		}
		a.out.out = &text
		if a.printReport(report); text.String() != "fail  tun         there is none\n                  why  packets\n                  do   modprobe\n\nConnections will not work before what fails is put right.\n" {
			t.Errorf("%q", text.String())
		}
	}
}
