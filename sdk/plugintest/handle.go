package plugintest

import (
	"context"
	"crypto/sha256"
	"fmt"
	"strings"

	"github.com/penstock-vpn/penstock/sdk"
	"github.com/penstock-vpn/penstock/sdk/diag"
	"github.com/penstock-vpn/penstock/sdk/pluginpb"
)

// handle does what one message asks. What may take long goes on beside the stream.
func (r *Run) handle(m *pluginpb.FromPlugin) {
	r.note(func() { r.heard = append(r.heard, kindOf(m)) })
	if r.failure != nil {
		r.fault("said something after Failed")
		return
	}
	if !r.permitted(m) {
		return
	}
	switch x := m.GetMessage().(type) {
	case *pluginpb.FromPlugin_Phase:
		r.setPhase(x.Phase.GetPhase())
		r.note(func() { r.phases = append(r.phases, sdk.Phase(x.Phase.GetPhase())) })
		r.ok(m.GetId())
	case *pluginpb.FromPlugin_Prompt:
		r.handlePrompt(m.GetId(), x.Prompt)
	case *pluginpb.FromPlugin_Open:
		r.handleOpen(m.GetId(), x.Open)
	case *pluginpb.FromPlugin_Close:
		r.handleClose(m.GetId(), x.Close)
	case *pluginpb.FromPlugin_Attach:
		r.handleAttach(m.GetId(), x.Attach)
	case *pluginpb.FromPlugin_Residual:
		r.handleResidual(m.GetId(), x.Residual)
	case *pluginpb.FromPlugin_Config:
		r.handleConfig(m.GetId(), x.Config)
	case *pluginpb.FromPlugin_Frame:
		r.handleFrame(x.Frame)
	case *pluginpb.FromPlugin_InstallSa:
		r.handleInstallSA(m.GetId(), x.InstallSa)
	case *pluginpb.FromPlugin_RemoveSa:
		r.handleRemoveSA(m.GetId(), x.RemoveSa)
	case *pluginpb.FromPlugin_InstallMppe:
		r.handleInstallMPPE(m.GetId(), x.InstallMppe)
	case *pluginpb.FromPlugin_Checkpoint:
		r.handleCheckpoint(m.GetId(), x.Checkpoint)
	case *pluginpb.FromPlugin_Export:
		r.handleExport(m.GetId(), x.Export)
	case *pluginpb.FromPlugin_VerifyChain:
		r.handleVerifyChain(m.GetId(), x.VerifyChain)
	case *pluginpb.FromPlugin_ClientCertificate:
		r.handleClientCertificate(m.GetId())
	case *pluginpb.FromPlugin_Sign:
		r.handleSign(m.GetId(), x.Sign)
	case *pluginpb.FromPlugin_LoggedIn:
		r.note(func() { r.loggedIn = x.LoggedIn })
		if r.loginOnly {
			r.Stop(false)
			return
		}
		r.ok(m.GetId())
	case *pluginpb.FromPlugin_Adopted:
		r.handleAdopted(m.GetRe(), x.Adopted)
	case *pluginpb.FromPlugin_Failed:
		r.handleFailed(x.Failed)
	case *pluginpb.FromPlugin_Progress:
		r.h.inspect("progress", x.Progress.GetText())
		r.note(func() {
			r.progress = append(r.progress, Progress{Level: x.Progress.GetLevel(), Text: x.Progress.GetText()})
		})
	case *pluginpb.FromPlugin_Refused:
		r.note(func() { r.refused++ })
	default:
		r.refuse(m.GetId(), diag.Newf(diag.UnknownMessage, "the host does not know this message"))
	}
}

func kindOf(m *pluginpb.FromPlugin) string {
	_, kind, _ := strings.Cut(fmt.Sprintf("%T", m.GetMessage()), "_")
	return kind
}

// fault fails the test: the plugin broke the contract.
func (r *Run) fault(format string, args ...any) {
	r.h.t.Errorf("plugintest: the plugin "+format, args...)
}

func (r *Run) reply(id uint64, m *pluginpb.FromHost) {
	if id == 0 {
		return
	}
	m.Re = id
	r.send(m)
}

func (r *Run) ok(id uint64) {
	r.reply(id, &pluginpb.FromHost{Message: &pluginpb.FromHost_Ok{Ok: &pluginpb.Ok{}}})
}

func (r *Run) refuse(id uint64, why *diag.Diagnostic) {
	r.reply(id, &pluginpb.FromHost{Message: &pluginpb.FromHost_Refused{Refused: &pluginpb.Refused{
		Diagnostic: &pluginpb.Diagnostic{Summary: why.Summary, Detail: why.Detail, Option: why.Option, Code: pluginpb.Code(why.Code)},
	}}})
}

func (r *Run) handlePrompt(id uint64, m *pluginpb.Prompt) {
	p, err := readPrompt(m)
	if err != nil || id == 0 {
		r.fault("asked badly: id %d, %v", id, err)
		r.refuse(id, diag.Newf(diag.Invalid, "%v", err))
		return
	}
	r.h.inspect("a prompt", p.Title+p.Text+p.Error)
	ctx, cancel := context.WithCancel(r.ctx)
	r.note(func() {
		r.prompts = append(r.prompts, p)
		r.pending[id] = cancel
	})
	r.h.goes(func() {
		defer cancel()
		a := r.h.answer(ctx, p)
		if ctx.Err() != nil {
			return // taken back
		}
		r.reply(id, &pluginpb.FromHost{Message: &pluginpb.FromHost_Answer{Answer: &pluginpb.Answer{Cancelled: a.Cancelled, Values: a.Values}}})
	})
}

func (r *Run) handleConfig(id uint64, m *pluginpb.NetConfig) {
	c, err := readConfig(m)
	if err != nil {
		r.fault("configured badly: %v", err)
		r.refuse(id, diag.Newf(diag.Invalid, "%v", err))
		return
	}
	r.h.mu.Lock()
	r.h.configured = true
	r.h.mu.Unlock()
	r.note(func() { r.configs = append(r.configs, c) })
	r.maybeUp()
	r.ok(id)
}

const maxCheckpoint = 64 << 10

func (r *Run) handleCheckpoint(id uint64, m *pluginpb.Checkpoint) {
	if len(m.GetData()) > maxCheckpoint {
		r.fault("sent a checkpoint of %d bytes", len(m.GetData()))
	}
	r.h.mu.Lock()
	r.h.checkpoint = m.GetData()
	r.h.mu.Unlock()
	r.note(func() {})
	r.ok(id)
}

func (r *Run) handleExport(id uint64, m *pluginpb.Export) {
	if m.GetLength() == 0 || m.GetLength() > sha256.Size*8 {
		r.refuse(id, diag.Newf(diag.Invalid, "%d bytes cannot be exported", m.GetLength()))
		return
	}
	data := Exported(m.GetLabel(), m.GetContext(), int(m.GetLength()))
	r.reply(id, &pluginpb.FromHost{Message: &pluginpb.FromHost_Exported{Exported: &pluginpb.Exported{Data: data}}})
}

// Exported is the keying material that every tls transport of a fake host exports.
func Exported(label string, context []byte, n int) []byte {
	var out []byte
	for i := byte(0); len(out) < n; i++ {
		block := sha256.Sum256(append([]byte(label+"\x00"+string(context)), i))
		out = append(out, block[:]...)
	}
	return out[:n]
}

func (r *Run) handleAdopted(re uint64, m *pluginpb.Adopted) {
	if r.resumeID == 0 || re != r.resumeID {
		r.fault("adopted although nothing was to be resumed")
		return
	}
	r.resumeID = 0
	r.h.keepPaths(m.GetTransports(), r.fault)
	if len(m.GetTransports()) > 0 {
		r.setPhase(pluginpb.Phase_NEGOTIATING)
		r.maybeUp()
	}
}

func (r *Run) handleFailed(m *pluginpb.Failed) {
	f := readFailed(m)
	for _, d := range f.Diagnostics {
		r.h.inspect("a diagnostic", d.Summary+d.Detail)
	}
	r.note(func() { r.failure = f })
}
