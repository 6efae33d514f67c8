package nm

import (
	"context"
	"os"
	"strings"
	"testing"

	"github.com/godbus/dbus/v5"

	"github.com/penstock-vpn/penstock/host"
	"github.com/penstock-vpn/penstock/host/netcfg"
	"github.com/penstock-vpn/penstock/host/ui"
	"github.com/penstock-vpn/penstock/nm/internal/ask"
	"github.com/penstock-vpn/penstock/sdk/diag"
	"github.com/penstock-vpn/penstock/sdk/prompt"
)

func writeFile(t *testing.T, name, text string) {
	t.Helper()
	must(t, os.WriteFile(name, []byte(text), 0o600))
}

// up is a connection that stands until it is told to end.
func up(ctx context.Context, _ host.Profile, _ ui.Prompter, a netcfg.Applier, s host.Settings) error {
	if err := a.Apply(ctx, base()); err != nil {
		return err
	}
	s.OnState(host.Status{State: host.StateConnected, Transport: "tls", Interface: "penstock0"})
	<-ctx.Done()
	return nil
}

var noDetails = dictionary{}

func (f *fake) wantUp() {
	f.t.Helper()
	f.wantState(Starting)
	f.want("Config")
	f.want("Ip4Config")
	f.wantState(Started)
}

// wantStopped wants the states of an end, and the end.
func (f *fake) wantStopped() {
	f.t.Helper()
	f.wantState(Stopping)
	f.wantState(Stopped)
	f.wantEnd()
}

func TestUpAndDown(t *testing.T) {
	f := serve(t, up)
	var need string
	must(t, f.call("NeedSecrets", made(alice(), nil)).Store(&need))
	if need != "" {
		t.Errorf("secrets of %q are needed", need)
	}
	must(t, f.call("NeedSecrets", made(alice("pin-flags=1"), nil)).Store(&need))
	if need != "vpn" {
		t.Errorf("secrets of %q are needed, want vpn", need)
	}
	f.works("ConnectInteractive", made(alice(), nil), noDetails)
	f.wantUp()
	f.refuses(alreadyStarted, "Connect", made(alice(), nil))
	f.works("Disconnect")
	f.wantStopped()
}

// What changes while the connection stands is told without a change of state.
func TestChangedSettings(t *testing.T) {
	f := serve(t, func(ctx context.Context, p host.Profile, u ui.Prompter, a netcfg.Applier, s host.Settings) error {
		if err := a.Apply(ctx, base()); err != nil {
			return err
		}
		return up(ctx, p, u, a, s)
	})
	f.works("Connect", made(alice(), nil))
	f.wantUp()
	f.want("Config")
	f.want("Ip4Config")
	f.works("Disconnect")
	f.wantStopped()
}

func TestFailures(t *testing.T) {
	for code, want := range map[diag.Code]Failure{
		diag.AuthRefused: LoginFailed, diag.Cancelled: LoginFailed, diag.Unreachable: ConnectFailed, diag.Certificate: ConnectFailed,
		diag.Plugin: ConnectFailed, diag.Invalid: BadIPConfig,
	} {
		f := serve(t, func(context.Context, host.Profile, ui.Prompter, netcfg.Applier, host.Settings) error {
			return diag.New(code, "it went wrong", "do something")
		})
		f.works("Connect", made(alice(), nil))
		f.wantState(Starting)
		f.want("Failure", uint32(want))
		f.wantStopped()
		if log := f.log.String(); !strings.Contains(log, "it went wrong: do something") || !strings.Contains(log, "corp-vpn") {
			t.Errorf("the log is %s", log)
		}
	}
}

func TestRefusedConnect(t *testing.T) {
	f := serve(t, up)
	f.refuses(badArguments, "Connect", made(alice("usernam=bob"), nil))
	f.refuses(invalidConnection, "Connect", settings{"vpn": {"data": dbus.MakeVariant(1)}})
	f.refuses(launchFailed, "ConnectInteractive", made(alice("protocol=strange"), nil), noDetails)
	f.refuses(wrongState, "NewSecrets", made(alice(), nil))
	f.refuses(wrongState, "SetConfig", dictionary{})
	f.refuses(wrongState, "SetFailure", "x")
	f.works("Disconnect")
	f.wantEnd()
	if log := f.log.String(); !strings.Contains(log, "did you mean username?") {
		t.Errorf("the log is %s", log)
	}
}

// A connection that ends by itself, such as by `penstock disconnect`, is no failure.
func TestEndsByItself(t *testing.T) {
	f := serve(t, func(context.Context, host.Profile, ui.Prompter, netcfg.Applier, host.Settings) error { return nil })
	f.works("Connect", made(alice(), nil))
	f.wantState(Starting)
	f.wantStopped()
}

func TestNetworkManagerGoes(t *testing.T) {
	f := serve(t, up)
	f.works("Connect", made(alice(), nil))
	f.wantUp()
	_, err := f.conn.ReleaseName(networkManager)
	must(t, err)
	f.want("NameLost", networkManager)
	f.wantStopped()
}

func TestHelpersOfScripts(t *testing.T) {
	f := serve(t, up)
	f.works("Connect", made(alice(), nil))
	f.wantUp()
	f.works("SetConfig", dictionary{"mtu": dbus.MakeVariant(uint32(1280))})
	f.want("Config")
	f.works("SetIp4Config", dictionary{})
	f.want("Ip4Config")
	f.works("SetIp6Config", dictionary{})
	f.want("Ip6Config")
	f.works("SetFailure", "the script failed")
	f.want("Failure", uint32(BadIPConfig))
	f.wantStopped()
}

// asks asks what p says and reports the answer.
func asks(answers chan<- prompt.Answer, all ...prompt.Prompt) hold {
	return func(ctx context.Context, _ host.Profile, u ui.Prompter, _ netcfg.Applier, _ host.Settings) error {
		for _, p := range all {
			answer, err := u.Ask(ctx, p)
			if err != nil {
				return err
			}
			answers <- answer
		}
		return nil
	}
}

var otpForm = prompt.Prompt{Text: "Code, please", Form: &prompt.Form{ID: "otp", Fields: []prompt.Field{{Name: "code", Label: "Code", Kind: prompt.OTP}}}}

func TestQuestion(t *testing.T) {
	answers := make(chan prompt.Answer, 4)
	again := otpForm
	again.Error = "Wrong code."
	f := serve(t, asks(answers, otpForm, again, prompt.Prompt{Title: "Certificate", Confirm: &prompt.Confirm{}}))
	f.works("ConnectInteractive", made(alice("otp-flags=2", "confirm-flags=2"), nil), noDetails)
	f.wantState(Starting)
	for _, message := range []string{"Code, please", "Wrong code.\nCode, please"} {
		s := f.want("SecretsRequired")
		hints := s.Body[1].([]string)
		q, err := ask.ParseHints(hints)
		if s.Body[0] != message || hints[0] != ask.KeyOTP || err != nil || len(q.Fields) != 1 {
			t.Fatalf("asked %v, %v", s.Body, err)
		}
		f.works("NewSecrets", made(alice("otp-flags=2"), map[string]string{"otp": "123456"}))
		if a := <-answers; a.Values["code"] != "123456" {
			t.Errorf("the answer is %+v", a)
		}
	}
	f.want("SecretsRequired")
	f.works("NewSecrets", made(alice(), map[string]string{ask.KeyConfirm: ask.Yes}))
	if a := <-answers; a.Cancelled {
		t.Error("yes is no")
	}
	f.wantStopped()
}

// A secret without flags is one that NetworkManager may drop: that is told.
func TestAnswerDropped(t *testing.T) {
	f := serve(t, asks(nil, otpForm))
	f.works("ConnectInteractive", made(alice(), nil), noDetails)
	f.wantState(Starting)
	f.want("SecretsRequired")
	f.works("NewSecrets", made(alice(), nil))
	f.want("Failure", uint32(LoginFailed))
	f.wantStopped()
	if log := f.log.String(); !strings.Contains(log, "nmcli connection modify 'corp-vpn' +vpn.data otp-flags=2") {
		t.Errorf("the log is %s", log)
	}
}

func TestNobodyToAsk(t *testing.T) {
	f := serve(t, asks(nil, otpForm))
	f.works("Connect", made(alice(), nil))
	f.wantState(Starting)
	f.want("Failure", uint32(LoginFailed))
	f.wantStopped()
	if log := f.log.String(); !strings.Contains(log, "nmcli --ask") {
		t.Errorf("the log is %s", log)
	}
}

// The end is wanted while a question is open.
func TestDisconnectWhileAsking(t *testing.T) {
	f := serve(t, asks(nil, otpForm))
	f.works("ConnectInteractive", made(alice(), nil), noDetails)
	f.wantState(Starting)
	f.want("SecretsRequired")
	f.works("Disconnect")
	f.wantStopped()
}
