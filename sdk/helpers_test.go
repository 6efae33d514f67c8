package sdk_test

import (
	"context"
	"errors"
	"io"
	"net"
	"testing"

	"github.com/penstock-vpn/penstock/sdk"
	"github.com/penstock-vpn/penstock/sdk/diag"
	"github.com/penstock-vpn/penstock/sdk/plugintest"
)

// connect is a plugin that is nothing but a Connect.
type connect func(ctx context.Context, s *sdk.Session) error

func (c connect) Describe() sdk.Description {
	return sdk.Description{Name: "test", Version: "1.0.0", Protocols: []sdk.Protocol{{Name: "test", Label: "Test"}}}
}

func (c connect) Connect(ctx context.Context, s *sdk.Session) error { return c(ctx, s) }

// session runs body as a plugin's Connect and returns how the session ended.
func session(t *testing.T, prepare func(h *plugintest.Host), body func(ctx context.Context, s *sdk.Session) error) error {
	t.Helper()
	plugintest.CheckLeaks(t)
	h := plugintest.NewHost(t)
	if prepare != nil {
		prepare(h)
	}
	return h.Run(negotiating(body), plugintest.Profile{Protocol: "test"}).Wait()
}

// negotiating is a plugin whose gateway asks for no login, and has settled the network.
func negotiating(body connect) connect {
	return func(ctx context.Context, s *sdk.Session) error {
		if err := errors.Join(s.Phase(sdk.Negotiating), s.Configure(ctx, sdk.NetConfig{})); err != nil {
			return err
		}
		return body(ctx, s)
	}
}

// echo is a gateway that returns what it gets.
func echo(c net.Conn) { _, _ = io.Copy(c, c) }

// wantCode checks for a diagnostic with a code.
func wantCode(t *testing.T, err error, code diag.Code) {
	t.Helper()
	var d *diag.Diagnostic
	if !errors.As(err, &d) || d.Code != code {
		t.Errorf("error %v, want a diagnostic of code %d", err, code)
	}
}

// check is for use inside a Connect, where a test cannot be ended.
func check(t *testing.T, what string, err error) bool {
	t.Helper()
	if err != nil {
		t.Errorf("%s: %v", what, err)
	}
	return err == nil
}
