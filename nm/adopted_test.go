package nm

import (
	"strings"
	"testing"

	"github.com/godbus/dbus/v5"

	"github.com/penstock-vpn/penstock/nm/internal/ask"
	"github.com/penstock-vpn/penstock/sdk/diag"
	"github.com/penstock-vpn/penstock/sdk/prompt"
)

// theirs is a connection of another VPN plugin.
func theirs(service string, data, secrets map[string]string) settings {
	s := made(data, secrets)
	s["vpn"]["service-type"] = dbus.MakeVariant("org.freedesktop.NetworkManager." + service)
	return s
}

// group is a connection of NetworkManager-vpnc with more entries.
func group(more ...string) map[string]string {
	data := map[string]string{"IPSec gateway": "vpn.test", "IPSec ID": "staff", "Xauth username": "alice", "Vendor": "netscreen", "Xauth password-flags": "1", "IPSec secret-flags": "0"}
	for _, m := range more {
		key, value, _ := strings.Cut(m, "=")
		data[key] = value
	}
	return data
}

var passwordForm = prompt.Prompt{Text: "Again, please", Form: &prompt.Form{ID: "xauth", Fields: []prompt.Field{{Name: "pw", Option: "password", Label: "Password", Kind: prompt.Password}}}}

// Agents keep the other plugin's secrets, and are asked for those: before the login and
// within it.
func TestAdoptedConnection(t *testing.T) {
	answers := make(chan prompt.Answer, 1)
	f := serve(t, asks(answers, passwordForm))
	for want, secrets := range map[string]map[string]string{"vpn": {"IPSec secret": "s1"}, "": {"IPSec secret": "s1", "Xauth password": "s2"}} {
		var need string
		must(t, f.call("NeedSecrets", theirs("vpnc", group(), secrets)).Store(&need))
		if need != want {
			t.Errorf("secrets of %q are needed, want %q", need, want)
		}
	}
	f.works("ConnectInteractive", theirs("vpnc", group(), map[string]string{"IPSec secret": "s1"}), noDetails)
	f.wantState(Starting)
	hints := f.want("SecretsRequired").Body[1].([]string)
	if q, err := ask.ParseHints(hints); err != nil || hints[0] != "Xauth password" || q.Fields[0].Key != "Xauth password" {
		t.Errorf("asked for %q, %v", hints, err)
	}
	f.works("NewSecrets", theirs("vpnc", group(), map[string]string{"IPSec secret": "s1", "Xauth password": "s3"}))
	if a := <-answers; a.Values["pw"] != "s3" {
		t.Errorf("the answer is %v", a)
	}
	f.wantStopped()
	if log := f.log.String(); !strings.Contains(log, "not taken over: Vendor: gateways are spoken to as Cisco's are") || strings.Contains(log, "netscreen") {
		t.Errorf("the log is %s", log)
	}
}

// What is wrong names the key of the connection, or says that an option of ours goes
// beside its own.
func TestAdoptedRefusals(t *testing.T) {
	for want, data := range map[string]map[string]string{
		"Enable no encryption: penstock makes no tunnel":                                                                   group("Enable no encryption=yes"),
		"This connection takes options of penstock beside its own: nmcli connection modify 'corp-vpn' +vpn.data mtu=VALUE": group("mtu=12"),
	} {
		r := parsed(t, theirs("vpnc", data, nil))
		_, err := r.profile(testSchema)
		if err == nil || !strings.Contains(r.explained(err, testSchema).Error(), want) {
			t.Errorf("%v: %v", data, r.explained(err, testSchema))
		}
	}
	r := parsed(t, theirs("vpnc", group(), nil))
	if err := r.explained(diag.New(diag.Config, "no", "why").With("offload"), testSchema); !strings.HasSuffix(err.Error(), " offload=VALUE") {
		t.Errorf("a switch that is on: %v", err)
	}
	if err := r.explained(diag.New(diag.Config, "no", "why").With("passtos"), testSchema); !strings.HasSuffix(err.Error(), " passtos=true") {
		t.Errorf("a switch that is off: %v", err)
	}
	if err := r.explained(diag.New(diag.Config, "no", "why").With("group-password"), testSchema); err.Error() != "no: why" {
		t.Errorf("a secret: %v", err)
	}
	r = parsed(t, theirs("vpnc", group("mtu=1300"), nil))
	if p, err := r.profile(testSchema); err != nil || p.Options["mtu"] != "1300" || p.Options["group-name"] != "staff" {
		t.Errorf("%v, %v", p.Options, err)
	}
	plain := diag.New(diag.AuthRefused, "no", "why")
	if err := r.explained(plain, testSchema); err.Error() != plain.Error() {
		t.Errorf("without an option: %v", err)
	}
	if r = parsed(t, made(alice(), nil)); r.explained(plain.With("mtu"), testSchema).Error() != plain.Error() {
		t.Error("a connection of ours is told of options beside its own")
	}
}
