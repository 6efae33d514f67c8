package main

import (
	"context"
	"errors"
	"net/netip"
	"os"
	"time"

	"github.com/penstock-vpn/penstock/sdk"
	"github.com/penstock-vpn/penstock/sdk/diag"
	"github.com/penstock-vpn/penstock/sdk/framing"
)

// Types of plainudp's datagrams, and its port.
const (
	packet, hello, welcome, ping, pong, bye = 0, 1, 2, 4, 5, 6

	port = 5900
)

var (
	layout = framing.Spec{
		Header: []byte{packet}, Type: framing.Field{Offset: 0, Width: 1}, DataType: packet, MaxPayload: framing.MaxFrame,
		Rules: framing.Rules{
			Dpd:    framing.Dpd{After: 20 * time.Second, Retry: 5 * time.Second, Dead: 60 * time.Second, Type: ping},
			Ignore: []uint32{pong},
		},
	}
	settings = sdk.NetConfig{
		Addresses: []netip.Prefix{netip.MustParsePrefix("10.88.0.9/24")}, MTU: 1380,
		Routes: []netip.Prefix{netip.MustParsePrefix("10.99.0.1/32")},
	}
)

// tunnel is there until the user disconnects. Its gateway takes anybody.
func tunnel(ctx context.Context, s *sdk.Session) error {
	conn, err := s.OpenUDP(ctx, s.Options()["gateway"], port)
	if err != nil {
		return err
	}
	if err := greet(ctx, conn); err != nil {
		return err
	}
	if err := s.Phase(sdk.Negotiating); err != nil {
		return err
	}
	if err := s.Configure(ctx, settings); err != nil {
		return err
	}
	path, err := s.Attach(ctx, conn, nil, layout, sdk.AttachOptions{})
	if err != nil {
		return err
	}
	for event := range s.Events() {
		if _, ok := event.(sdk.Stop); ok {
			_ = path.Send(bye, nil)
			return path.Close()
		}
	}
	return nil
}

// greet says hello until the gateway answers.
func greet(ctx context.Context, conn *sdk.Transport) error {
	stop := context.AfterFunc(ctx, func() { _ = conn.Close() })
	defer stop()
	var answer [2048]byte
	for range 5 {
		_, err := conn.Write([]byte{hello, 0})
		if err == nil {
			_ = conn.SetReadDeadline(time.Now().Add(time.Second))
			_, err = conn.Read(answer[:])
		}
		switch {
		case ctx.Err() != nil:
			return ctx.Err()
		case err == nil && answer[0] == welcome:
			return nil
		case err != nil && !errors.Is(err, os.ErrDeadlineExceeded):
			return diag.New(diag.Unreachable, "the connection to the gateway broke", err.Error())
		}
	}
	return diag.New(diag.Unreachable, "the gateway did not answer", "Check the option gateway.")
}
