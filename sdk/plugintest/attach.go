package plugintest

import (
	"context"
	"errors"

	"github.com/penstock-vpn/penstock/sdk/diag"
	"github.com/penstock-vpn/penstock/sdk/pluginpb"
)

const maxResidual = 1 << 20

// handleAttach takes the transport over beside the stream.
func (r *Run) handleAttach(id uint64, m *pluginpb.Attach) {
	spec, err := m.GetFraming().Spec()
	var l *link
	residual := make(chan []byte, 1)
	r.note(func() {
		l = r.links[m.GetTransport()]
		delete(r.links, m.GetTransport())
		r.handover[id] = residual
	})
	if err != nil || l == nil || id == 0 {
		if l != nil {
			l.close()
		}
		r.fault("attached badly: id %d, transport %d (open: %t), framing: %v", id, m.GetTransport(), l != nil, err)
		r.refuse(id, diag.Newf(diag.Invalid, "transport %d cannot be attached", m.GetTransport()))
		return
	}
	if !r.h.isConfigured() {
		l.close()
		r.fault("attached transport %d before it configured the network: there is no device yet", l.id)
		r.refuse(id, diag.New(diag.Invalid, "a path without network settings", "Configure comes before Attach."))
		return
	}
	esp, err := readESP(m, l.kind)
	call, bad := readGRE(m, l.kind)
	if err = errors.Join(err, bad); err != nil {
		l.close()
		r.fault("attached badly: %v", err)
		r.refuse(id, diag.New(diag.Invalid, err.Error(), ""))
		return
	}
	p := newPath(r.h, l, spec, m, esp)
	p.call = call
	r.h.goes(func() {
		ctx, cancel := context.WithTimeout(r.ctx, patience)
		defer cancel()
		if err := r.takeOver(ctx, id, p, residual); err != nil {
			l.close()
			if r.ctx.Err() == nil {
				r.fault("did not hand transport %d over: %v", l.id, err)
				r.refuse(id, diag.Of(err))
			}
			return
		}
		r.install(id, p)
	})
}

// takeOver drains, and reads what the plugin had too much into p.
func (r *Run) takeOver(ctx context.Context, id uint64, p *Path, residual <-chan []byte) error {
	if p.link.plugin == nil {
		return nil
	}
	if err := p.link.drain(ctx); err != nil {
		return err
	}
	r.reply(id, &pluginpb.FromHost{Message: &pluginpb.FromHost_Drained{Drained: &pluginpb.Drained{}}})
	select {
	case p.Residual = <-residual:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// install puts p in force. It is there before the plugin knows, and reads after it does.
func (r *Run) install(id uint64, p *Path) {
	r.h.mu.Lock()
	r.h.paths[p.ID] = p
	r.h.mu.Unlock()
	r.note(func() {
		delete(r.handover, id)
		r.attached = append(r.attached, p)
	})
	r.maybeUp()
	r.ok(id)
	r.h.goes(p.read)
}

func (r *Run) handleResidual(id uint64, m *pluginpb.Residual) {
	var waiting chan []byte
	r.note(func() { waiting = r.handover[id] })
	if waiting == nil || len(m.GetData()) > maxResidual {
		r.fault("sent a residual of %d bytes that belongs to no Attach (id %d)", len(m.GetData()), id)
		return
	}
	select {
	case waiting <- m.GetData():
	default:
		r.fault("sent a second residual")
	}
}
