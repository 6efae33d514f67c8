package plugintest

import (
	"context"
	"errors"
	"fmt"
	"net"
	"testing"

	"github.com/penstock-vpn/penstock/sdk"
	"github.com/penstock-vpn/penstock/sdk/diag"
	"github.com/penstock-vpn/penstock/sdk/framing"
	"github.com/penstock-vpn/penstock/sdk/option"
	"github.com/penstock-vpn/penstock/sdk/plugintest/plainudp"
	"github.com/penstock-vpn/penstock/sdk/prompt"
)

// good is a plugin that conforms: it asks, opens, attaches, and stays.
func good(ctx context.Context, s *sdk.Session) error {
	login, cancel := s.UntilStop(ctx)
	defer cancel()
	if _, err := askFor(login, s); err != nil {
		return err
	}
	if err := s.Phase(sdk.Negotiating); err != nil {
		return err
	}
	conn, err := s.OpenUDP(login, s.Options()["gateway"], 5900)
	if err != nil {
		return err
	}
	stop := context.AfterFunc(login, func() { _ = conn.Close() })
	defer stop()
	if _, err := conn.Write([]byte{plainudp.Hello, 'a', 0, 'b'}); err != nil {
		return err
	}
	if _, err := conn.Read(make([]byte, 100)); err != nil {
		return errors.Join(err, login.Err())
	}
	if err := s.Configure(login, sdk.NetConfig{}); err != nil {
		return err
	}
	if _, err := s.Attach(login, conn, nil, framing.Spec{}, sdk.AttachOptions{}); err != nil {
		return err
	}
	for e := range s.Events() {
		if _, ok := e.(sdk.Stop); ok {
			return nil
		}
	}
	return nil
}

func askFor(ctx context.Context, s *sdk.Session) (string, error) {
	if err := s.Phase(sdk.Authenticating); err != nil {
		return "", err
	}
	a, err := s.Ask(ctx, prompt.Prompt{Form: &prompt.Form{ID: "main", Fields: []prompt.Field{{Name: "password", Kind: prompt.Password}}}})
	if err == nil && a.Cancelled {
		err = diag.New(diag.Cancelled, "cancelled", "")
	}
	return a.Values["password"], err
}

// scene is a gateway and a user that good gets a tunnel from.
var scene = Scenario{Prepare: func(h *Host) {
	gateway := &plainudp.Gateway{Username: "a", Password: "b"}
	h.Gateway("udp", Any, gateway.Serve)
	h.Answer("main", map[string]string{"password": "Iridium-4711"})
}}

func TestGoodPluginConforms(t *testing.T) {
	Conformance(t, func() sdk.Plugin { return connect(good) }, scene)
}

func TestGoodPluginConformsWithoutAScenario(t *testing.T) {
	Conformance(t, func() sdk.Plugin { return connect(good) })
}

// described is a plugin that is nothing but a Description.
type described struct{ sdk.Description }

func (d described) Describe() sdk.Description                 { return d.Description }
func (described) Connect(context.Context, *sdk.Session) error { return nil }
func (described) Validate(options map[string]string) (all []diag.Diagnostic) {
	for key := range options {
		all = append(all, *diag.New(diag.Config, "unknown option", "").With(key))
	}
	return all
}

// moody describes itself differently each time.
type moody struct {
	connect
	calls *int
}

func (m moody) Describe() sdk.Description {
	*m.calls++
	d := m.connect.Describe()
	d.Version = fmt.Sprintf("1.0.%d", *m.calls)
	return d
}

func TestBadDescriptionsAreFound(t *testing.T) {
	protocols := []sdk.Protocol{{Name: "x", Label: "X"}}
	for why, d := range map[string]sdk.Description{
		`name "My VPN"`:      {Name: "My VPN", Version: "1.0.0", Protocols: protocols},
		`version "one"`:      {Name: "x", Version: "one", Protocols: protocols},
		"no protocol":        {Name: "x", Version: "1.0.0"},
		"has no label":       {Name: "x", Version: "1.0.0", Protocols: []sdk.Protocol{{Name: "x"}}},
		`the need "carrier"`: {Name: "x", Version: "1.0.0", Protocols: protocols, Needs: []string{"carrier"}},
		"a key is 1 to 48":   {Name: "x", Version: "1.0.0", Protocols: protocols, Options: option.Schema{{Key: "Big Key"}}},
		"is there twice":     {Name: "x", Version: "1.0.0", Protocols: protocols, Options: option.Schema{{Key: "a"}, {Key: "a"}}},
		"a secret has no":    {Name: "x", Version: "1.0.0", Protocols: protocols, Options: option.Schema{{Key: "a", Secret: true, Default: "s"}}},
	} {
		mustFail(t, why, func(t testing.TB) { testDescribe(t, serving(described{d})) })
	}
	mustFail(t, "differently the second time", func(t testing.TB) { testDescribe(t, serving(moody{calls: new(int)})) })
	mustFail(t, "is the plugin's business", func(t testing.TB) { testValidate(t, serving(described{})) })
}

// stageNamed is one of the stages with a scenario.
func stageNamed(t testing.TB, name string) stage {
	for _, s := range stages([]Scenario{scene}) {
		if s.name == name {
			return s
		}
	}
	t.Fatalf("there is no stage %q", name)
	return stage{}
}

func TestPluginsThatDoNotEndAreFound(t *testing.T) {
	deaf := connect(func(ctx context.Context, s *sdk.Session) error {
		_ = s.Phase(sdk.Negotiating)
		_, err := s.OpenUDP(ctx, "vpn.example.com", 5900) // without UntilStop
		return err
	})
	mustFail(t, "did not end within", func(t testing.TB) { stageNamed(t, "opening").testStop(t, serving(deaf)) })
	release := make(chan struct{})
	defer close(release)
	stuck := connect(func(ctx context.Context, s *sdk.Session) error {
		_ = s.Phase(sdk.Negotiating)
		_, _ = s.OpenUDP(ctx, "vpn.example.com", 5900)
		<-release
		return nil
	})
	mustFail(t, "although its host was gone", func(t testing.TB) { stageNamed(t, "opening").testLeftAlone(t, serving(stuck)) })
	sulking := connect(func(ctx context.Context, s *sdk.Session) error {
		_ = s.Phase(sdk.Negotiating)
		_, _ = s.OpenUDP(ctx, "vpn.example.com", 5900)
		return errors.New("interrupted")
	})
	mustFail(t, "want a clean end", func(t testing.TB) {
		s := stageNamed(t, "opening")
		s.prepare = func(h *Host) { h.Gateway("udp", Any, func(net.Conn) {}) }
		s.reached = func(*Run) bool { return true }
		s.testStop(t, serving(sulking))
	})
}

func TestPluginsThatFailBadlyAreFound(t *testing.T) {
	silent := connect(func(context.Context, *sdk.Session) error { return nil })
	mustFail(t, "want Failed", func(t testing.TB) { testRefused(t, serving(silent), nil) })
	mustFail(t, "want Failed", func(t testing.TB) { testGarbage(t, serving(silent), nil) })
	wordless := connect(func(context.Context, *sdk.Session) error { return &diag.Diagnostic{Code: diag.Config} })
	mustFail(t, "a diagnostic says nothing", func(t testing.TB) { testRefused(t, serving(wordless), nil) })
	stubborn := connect(func(ctx context.Context, s *sdk.Session) error {
		_, err := askFor(ctx, s)
		return &sdk.Failure{Retry: sdk.Reauth, Diagnostics: []diag.Diagnostic{*diag.Of(err)}}
	})
	mustFail(t, "want retry never and code cancelled", func(t testing.TB) { scene.testCancelled(t, serving(stubborn)) })
}

func TestSecretsThatComeBackAreFound(t *testing.T) {
	for where, leak := range map[string]func(ctx context.Context, s *sdk.Session, secret string) error{
		"progress": func(_ context.Context, s *sdk.Session, secret string) error {
			s.Debug("posting password=%s", secret)
			return nil
		},
		"a prompt": func(ctx context.Context, s *sdk.Session, secret string) error {
			_, err := s.Ask(ctx, prompt.Prompt{Text: secret + " is wrong", Confirm: &prompt.Confirm{}})
			return err
		},
		"a diagnostic": func(_ context.Context, _ *sdk.Session, secret string) error {
			return diag.New(diag.AuthRefused, "refused", secret)
		},
	} {
		mustFail(t, where+" holds a secret", func(t testing.TB) {
			h := NewHost(t)
			scene.prepare(h)
			_ = h.Run(connect(func(ctx context.Context, s *sdk.Session) error {
				secret, err := askFor(ctx, s)
				return errors.Join(err, leak(ctx, s, secret))
			}), Profile{}).Wait()
		})
	}
}

func TestLeakedGoroutinesAreFound(t *testing.T) {
	release := make(chan struct{})
	defer close(release)
	mustFail(t, "a goroutine is left", func(t testing.TB) {
		CheckLeaks(t)
		h := NewHost(t)
		_ = h.Run(connect(func(context.Context, *sdk.Session) error {
			go func() { <-release }()
			return nil
		}), Profile{}).Wait()
	})
}

func TestWaitsTellWhatThePluginDid(t *testing.T) {
	mustFail(t, "INFO: nothing to do", func(t testing.TB) {
		NewHost(t).Run(connect(func(_ context.Context, s *sdk.Session) error {
			s.Info("nothing to do")
			return nil
		}), Profile{}).Config()
	})
}
