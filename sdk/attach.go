package sdk

import (
	"context"
	"errors"
	"io"
	"net"
	"time"

	"github.com/penstock-vpn/penstock/sdk/diag"
	"github.com/penstock-vpn/penstock/sdk/framing"
	"github.com/penstock-vpn/penstock/sdk/pluginpb"
)

// The stages of an Attach, in this file's order:
//
//	Attach      closes the writing end, asks
//	readRest    reads what the host still had, while it drains, to the end
//	handOver    waits for Drained and the end, returns all of it as Residual,
//	            waits for Ok

// maxResidual is the most that Residual may carry, in bytes.
const maxResidual = 1 << 20

// AttachOptions of Attach.
type AttachOptions struct {
	Preference int
	Replaces   *Path // stops sending now, ends when it falls silent
	ESP        *ESP  // the transport, a UDP one, carries ESP
	GRE        *GRE  // the transport, a raw one, carries PPP in the GRE of PPTP
}

// Attach turns a transport into a path of the tunnel; Configure comes before, it makes
// the tunnel. over is what the plugin had
// read from it too much (the rest is read by Attach). Packets leave on the living
// path with the highest preference. The transport cannot be read or written any
// more, and is closed when Attach fails. Datagrams that a UDP or raw transport holds unread
// are lost, as datagrams may be; over must be empty for one.
func (s *Session) Attach(ctx context.Context, t *Transport, over []byte, f framing.Spec, o AttachOptions) (*Path, error) {
	if err := f.Validate(); err != nil {
		return nil, diag.Of(err)
	}
	if err := errors.Join(o.ESP.validate(t, f), o.GRE.validate(t, f)); err != nil {
		return nil, diag.Of(err)
	}
	if t.conn == nil || t.isPackets() {
		if len(over) > 0 {
			return nil, diag.Newf(diag.Invalid, "a %s transport carries datagrams, nothing can be handed over", t.kind)
		}
	}
	if t.closed.Swap(true) {
		return nil, t.fault("attach", net.ErrClosed)
	}
	s.drop(t)
	defer t.shut()
	rest := t.readRest()
	path, err := s.handOver(ctx, t, over, attachment(t, f, o), rest)
	if err != nil {
		_ = s.stream.say(closing(t.id))
		return nil, err
	}
	return path, nil
}

func attachment(t *Transport, f framing.Spec, o AttachOptions) *pluginpb.FromPlugin {
	m := &pluginpb.Attach{Transport: t.id, Framing: specMessage(f), Preference: int32(o.Preference), Esp: o.ESP.message(), Gre: o.GRE.message()}
	if o.Replaces != nil {
		m.Replaces = o.Replaces.id
	}
	return &pluginpb.FromPlugin{Message: &pluginpb.FromPlugin_Attach{Attach: m}}
}

// rest is what was read from a transport to its end.
type rest struct {
	data []byte
	err  error
}

// readRest closes the writing end and reads in the background: the host may have
// more to forward than the socket holds. nil for dtls.
func (t *Transport) readRest() <-chan rest {
	if t.conn == nil {
		return nil
	}
	_ = t.conn.CloseWrite()
	_ = t.conn.SetReadDeadline(time.Unix(1, 0)) // ends a Read that is under way
	out := make(chan rest, 1)
	go func() {
		t.reading.Lock()
		defer t.reading.Unlock()
		_ = t.conn.SetReadDeadline(time.Time{})
		out <- t.readToEnd()
	}()
	return out
}

// isPackets says whether one Read is one datagram.
func (t *Transport) isPackets() bool { return t.kind == kindUDP || t.kind == kindRaw }

func (t *Transport) readToEnd() rest {
	if t.isPackets() {
		_, err := io.Copy(io.Discard, t.conn)
		return rest{err: err}
	}
	data, err := io.ReadAll(io.LimitReader(t.conn, maxResidual+1))
	return rest{data, err}
}

func (s *Session) handOver(ctx context.Context, t *Transport, over []byte, m *pluginpb.FromPlugin, rest <-chan rest) (*Path, error) {
	q, err := s.stream.ask(m)
	if err != nil {
		return nil, err
	}
	defer q.done()
	reply, err := q.next(ctx)
	if err != nil {
		return nil, err
	}
	if rest != nil {
		if reply.GetDrained() == nil {
			return nil, unexpected(reply)
		}
		if err := s.returnResidual(ctx, q, over, rest); err != nil {
			return nil, err
		}
		if reply, err = q.next(ctx); err != nil {
			return nil, err
		}
	}
	if err := mustBeOk(reply); err != nil {
		return nil, err
	}
	return &Path{session: s, id: t.id}, nil
}

// returnResidual waits for the end of what the host forwarded and gives it back.
func (s *Session) returnResidual(ctx context.Context, q *question, over []byte, rest <-chan rest) error {
	var residual []byte
	select {
	case r := <-rest:
		if r.err != nil && !errors.Is(r.err, io.EOF) {
			return diag.Newf(diag.Invalid, "the host did not hand over the transport: %v", r.err)
		}
		residual = append(append(residual, over...), r.data...)
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-s.stream.ctx.Done():
		return context.Cause(s.stream.ctx)
	}
	if len(residual) > maxResidual {
		return diag.Newf(diag.Protocol, "the gateway sent more than %d bytes before the tunnel was ready", maxResidual)
	}
	return s.stream.say(&pluginpb.FromPlugin{Id: q.id, Message: &pluginpb.FromPlugin_Residual{
		Residual: &pluginpb.Residual{Data: residual},
	}})
}
