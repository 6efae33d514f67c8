package sdk_test

import (
	"context"
	"errors"
	"net"
	"testing"

	"github.com/penstock-vpn/penstock/sdk"
	"github.com/penstock-vpn/penstock/sdk/diag"
	"github.com/penstock-vpn/penstock/sdk/framing"
	"github.com/penstock-vpn/penstock/sdk/plugintest"
)

// twoPaths is up with two paths and then waits.
func twoPaths(ctx context.Context, s *sdk.Session) error {
	if err := errors.Join(s.Phase(sdk.Negotiating), s.Configure(ctx, sdk.NetConfig{})); err != nil {
		return err
	}
	for preference := range 2 {
		conn, err := s.OpenUDP(ctx, "vpn.example.com", 443)
		if err != nil {
			return err
		}
		if _, err := s.Attach(ctx, conn, nil, framing.Spec{}, sdk.AttachOptions{Preference: preference}); err != nil {
			return err
		}
	}
	if err := s.Checkpoint([]byte("cookie")); err != nil {
		return err
	}
	<-ctx.Done()
	return nil
}

// crashed is a host whose plugin crashed while two paths were up.
func crashed(t *testing.T) (h *plugintest.Host, first, second *plugintest.Path) {
	t.Helper()
	h = plugintest.NewHost(t)
	h.Gateway("udp", plugintest.Any, echo)
	run := h.Run(connect(twoPaths), plugintest.Profile{})
	first, second = run.Path(), run.Path()
	run.Config()
	run.Until("a checkpoint", func(*plugintest.Run) bool { return h.Checkpoint() != nil })
	run.Kill()
	return h, first, second
}

func TestResumeAdoptsPathsThatRanOn(t *testing.T) {
	plugintest.CheckLeaks(t)
	h, first, second := crashed(t)
	run := h.Run(connect(func(ctx context.Context, s *sdk.Session) error {
		r := s.Resumed()
		if r == nil || string(r.Checkpoint) != "cookie" || !r.Configured || len(r.Installed) != 2 {
			t.Errorf("resumed with %+v", r)
			return nil
		}
		s.Info("progress may come before") // and abandons nothing
		if _, err := s.Adopt(99); err == nil {
			t.Error("a path that was not left was adopted")
		}
		paths, err := s.Adopt(second.ID)
		if !check(t, "adopt", err) {
			return nil
		}
		_, err = s.Adopt(second.ID)
		wantCode(t, err, diag.Invalid)
		check(t, "send", paths[0].Send(0, []byte("control")))
		conn, err := s.OpenUDP(ctx, "vpn.example.com", 443)
		if check(t, "open", err) && conn.ID() <= max(first.ID, second.ID) {
			t.Errorf("transport number %d is used again", conn.ID())
		}
		return paths[0].Close()
	}), plugintest.Profile{Resume: true})
	first.Gone()
	if got := string(second.Sent().Payload); got != "control" {
		t.Errorf("sent %q", got)
	}
	second.Gone()
	if err := run.Wait(); err != nil {
		t.Error(err)
	}
}

func TestPathsCarryPacketsWithoutTheirPlugin(t *testing.T) {
	plugintest.CheckLeaks(t)
	_, first, _ := crashed(t)
	first.Send([]byte("packet"))
	if got := string(first.Packet()); got != "packet" {
		t.Errorf("got %q", got)
	}
}

func TestPluginThatDoesNotResumeStartsAfresh(t *testing.T) {
	plugintest.CheckLeaks(t)
	h, first, second := crashed(t)
	run := h.Run(connect(twoPaths), plugintest.Profile{Resume: true})
	first.Gone()
	second.Gone()
	run.Path()
	run.Kill()
}

func TestFreshSessionHasNothingToAdopt(t *testing.T) {
	if err := session(t, nil, func(_ context.Context, s *sdk.Session) error {
		_, err := s.Adopt()
		wantCode(t, err, diag.Invalid)
		return nil
	}); err != nil {
		t.Error(err)
	}
}

func TestADeadPathIsAnEvent(t *testing.T) {
	plugintest.CheckLeaks(t)
	h := plugintest.NewHost(t)
	h.Gateway("tls", plugintest.Any, func(c net.Conn) { _, _ = c.Write([]byte("not a frame")) })
	event := make(chan sdk.Event, 1)
	run := h.Run(negotiating(func(ctx context.Context, s *sdk.Session) error {
		conn, err := s.OpenTLS(ctx, "vpn.example.com", 443, sdk.TLSOptions{})
		if !check(t, "open", err) {
			return nil
		}
		_, err = s.Attach(ctx, conn, nil, layout, sdk.AttachOptions{})
		check(t, "attach", err)
		event <- <-s.Events()
		return nil
	}), plugintest.Profile{})
	if e, ok := (<-event).(sdk.PathEvent); !ok || e.Kind != sdk.PathDead || e.Reason == "" {
		t.Errorf("event %+v", e)
	}
	if err := run.Wait(); err != nil {
		t.Error(err)
	}
}
