package sdk_test

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"reflect"
	"strings"
	"testing"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/penstock-vpn/penstock/sdk"
	"github.com/penstock-vpn/penstock/sdk/diag"
	"github.com/penstock-vpn/penstock/sdk/pluginpb"
	"github.com/penstock-vpn/penstock/sdk/plugintest"
)

func TestSessionTellsHowItBegan(t *testing.T) {
	h := plugintest.NewHost(t)
	run := h.Run(connect(func(_ context.Context, s *sdk.Session) error {
		if s.Protocol() != "test" || s.Connection() != "test" || !s.Trace() || s.Resumed() != nil {
			t.Errorf("protocol %q, connection %q, trace %t, resumed %v", s.Protocol(), s.Connection(), s.Trace(), s.Resumed())
		}
		s.Options()["gateway"] = "changed"
		if got := s.Options()["gateway"]; got != "vpn.example.com" {
			t.Errorf("gateway %q", got)
		}
		check(t, "phase", s.Phase(sdk.Authenticating))
		check(t, "phase", s.Phase(sdk.Negotiating))
		s.Info("one %d", 1)
		s.Debug("two")
		s.Warn("three")
		s.TraceText("four")
		return nil
	}), plugintest.Profile{Protocol: "test", Options: map[string]string{"gateway": "vpn.example.com"}, Trace: true})
	if err := run.Wait(); err != nil {
		t.Error(err)
	}
	if got := run.Phases(); !reflect.DeepEqual(got, []sdk.Phase{sdk.Authenticating, sdk.Negotiating}) {
		t.Errorf("phases %v", got)
	}
	want := []plugintest.Progress{{Level: pluginpb.Progress_INFO, Text: "one 1"}, {Level: pluginpb.Progress_DEBUG, Text: "two"},
		{Level: pluginpb.Progress_WARN, Text: "three"}, {Level: pluginpb.Progress_TRACE, Text: "four"}}
	if got := run.Progress(); !reflect.DeepEqual(got, want) {
		t.Errorf("progress %v, want %v", got, want)
	}
}

func TestHowConnectEndsIsHowTheSessionEnds(t *testing.T) {
	refused := diag.New(diag.AuthRefused, "refused", "try again").With("password")
	failure := &sdk.Failure{Retry: sdk.Backoff, Diagnostics: []diag.Diagnostic{*refused, {Warning: true, Summary: "and"}}}
	for name, c := range map[string]struct{ err, want error }{
		"well":               {nil, nil},
		"with a failure":     {failure, failure},
		"wrapped":            {fmt.Errorf("login: %w", failure), failure},
		"with a diagnostic":  {fmt.Errorf("login: %w", refused), &sdk.Failure{Diagnostics: []diag.Diagnostic{*refused}}},
		"the host's own one": {diag.New(diag.Plugin, "x", ""), &sdk.Failure{Diagnostics: []diag.Diagnostic{{Summary: "x"}}}},
		"with a bug": {errors.New("index out of range"), &sdk.Failure{Diagnostics: []diag.Diagnostic{{
			Summary: "the plugin failed", Detail: "index out of range. This is a fault of the plugin; report it to its author."}}}},
		"with an empty failure": {&sdk.Failure{Retry: sdk.Now}, &sdk.Failure{Retry: sdk.Now, Diagnostics: []diag.Diagnostic{{
			Summary: "the plugin failed", Detail: "the session failed. This is a fault of the plugin; report it to its author."}}}},
	} {
		t.Run(name, func(t *testing.T) {
			got := session(t, nil, func(context.Context, *sdk.Session) error { return c.err })
			if !reflect.DeepEqual(got, c.want) {
				t.Errorf("the session ended with %#v, want %#v", got, c.want)
			}
		})
	}
}

func TestEventsComeInOrder(t *testing.T) {
	plugintest.CheckLeaks(t)
	want := []sdk.Event{
		sdk.NetworkChange{Reachable: true}, sdk.Suspend{}, sdk.Wake{},
		sdk.ControlFrame{Path: 7, Type: 9, Payload: []byte("frame")},
		sdk.PathEvent{Path: 7, Kind: sdk.PathUp}, sdk.PathEvent{Path: 7, Kind: sdk.PathMTU, MTU: 1300},
		sdk.PathEvent{Path: 7, Kind: sdk.PathDead, Reason: "no answer"},
		sdk.Stop{Logout: true, Deadline: 1500 * time.Millisecond},
	}
	h := plugintest.NewHost(t)
	var got []sdk.Event
	run := h.Run(connect(func(_ context.Context, s *sdk.Session) error {
		for len(got) < len(want) {
			got = append(got, <-s.Events())
		}
		return nil
	}), plugintest.Profile{})
	for _, e := range want {
		run.Send(e)
	}
	if err := run.Wait(); err != nil {
		t.Error(err)
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("events %v, want %v", got, want)
	}
}

func TestUnreadEventsEndTheSession(t *testing.T) {
	plugintest.CheckLeaks(t)
	h := plugintest.NewHost(t)
	run := h.Run(connect(func(ctx context.Context, s *sdk.Session) error {
		<-ctx.Done()
		return ctx.Err()
	}), plugintest.Profile{})
	for range 257 {
		run.Send(sdk.Wake{})
	}
	if err := run.Wait(); status.Code(err) != codes.ResourceExhausted {
		t.Errorf("it ended with %v, want ResourceExhausted", err)
	}
}

func TestCheckpointAndConfigure(t *testing.T) {
	plugintest.CheckLeaks(t)
	config := sdk.NetConfig{
		Addresses: []netip.Prefix{netip.MustParsePrefix("10.0.0.7/24"), netip.MustParsePrefix("fd00::7/64")}, MTU: 1400,
		Routes: []netip.Prefix{netip.MustParsePrefix("0.0.0.0/0")}, Excludes: []netip.Prefix{netip.MustParsePrefix("192.0.2.0/24")},
		DNS: []netip.Addr{netip.MustParseAddr("10.0.0.1")}, Search: []string{"example.com"}, SplitDNS: []string{"corp.example.com"},
		NBNS: []netip.Addr{netip.MustParseAddr("10.0.0.2")}, Banner: "Welcome", ProxyPAC: "http://example.com/p.pac",
		Expires: time.Unix(1900000000, 0), IdleTimeout: time.Hour, ScriptOptions: [][2]string{{"X-A", "1"}, {"X-A", "2"}},
	}
	h := plugintest.NewHost(t)
	run := h.Run(connect(func(ctx context.Context, s *sdk.Session) error {
		check(t, "phase", s.Phase(sdk.Negotiating))
		wantCode(t, s.Checkpoint(make([]byte, 64<<10+1)), diag.Invalid)
		check(t, "checkpoint", s.Checkpoint([]byte("one")))
		check(t, "checkpoint", s.Checkpoint([]byte("two")))
		check(t, "configure", s.Configure(ctx, config))
		return nil
	}), plugintest.Profile{})
	if got := run.Config(); !reflect.DeepEqual(got, config) {
		t.Errorf("configured %+v, want %+v", got, config)
	}
	if err := run.Wait(); err != nil {
		t.Error(err)
	}
	if got := string(h.Checkpoint()); got != "two" {
		t.Errorf("checkpoint %q", got)
	}
}

func TestUntilStop(t *testing.T) {
	plugintest.CheckLeaks(t)
	h := plugintest.NewHost(t)
	started := make(chan struct{})
	run := h.Run(connect(func(ctx context.Context, s *sdk.Session) error {
		ctx, cancel := s.UntilStop(ctx)
		defer cancel()
		close(started)
		<-ctx.Done()
		return fmt.Errorf("login: %w", ctx.Err())
	}), plugintest.Profile{})
	<-started
	run.Stop(true)
	if err := run.Wait(); err != nil {
		t.Errorf("it ended with %v, want a clean end", err)
	}
}

func TestNothingWorksAfterTheHost(t *testing.T) {
	plugintest.CheckLeaks(t)
	h := plugintest.NewHost(t)
	echoes(h)
	ready, result := make(chan struct{}), make(chan error, 1)
	run := h.Run(negotiating(func(ctx context.Context, s *sdk.Session) error {
		conn, err := s.OpenTCP(ctx, "vpn.example.com", 443)
		check(t, "open", err)
		close(ready)
		_, err = conn.Read(make([]byte, 1))
		for range s.Events() {
			t.Error("an event came")
		}
		<-ctx.Done()
		result <- errors.Join(err, s.Phase(sdk.Negotiating))
		return nil
	}), plugintest.Profile{})
	<-ready
	run.Kill()
	if err := <-result; err == nil || !strings.Contains(err.Error(), "the host") {
		t.Errorf("after the host's end: %v", err)
	}
}

// A gateway, or who sends in its name, cannot end a session with frames that come
// faster than the plugin reads.
func TestAFloodOfFramesEndsNoSession(t *testing.T) {
	plugintest.CheckLeaks(t)
	ready, sent, frames := make(chan struct{}), make(chan struct{}), 0
	run := plugintest.NewHost(t).Run(connect(func(_ context.Context, s *sdk.Session) error {
		if err := s.Phase(sdk.Negotiating); err != nil {
			return err
		}
		close(ready)
		<-sent
		for e := range s.Events() {
			switch e.(type) {
			case sdk.ControlFrame:
				frames++
			case sdk.Stop:
				return nil
			}
		}
		return errors.New("no Stop came")
	}), plugintest.Profile{})
	<-ready
	for range 1000 {
		run.Send(sdk.ControlFrame{Path: 1, Payload: []byte("flood")})
	}
	run.Stop(false)
	close(sent)
	if err := run.Wait(); err != nil || frames == 0 {
		t.Errorf("%d frames, %v", frames, err)
	}
}
