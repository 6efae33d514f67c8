package host

import (
	"github.com/penstock-vpn/penstock/host/ui"
	"github.com/penstock-vpn/penstock/sdk/diag"
	"github.com/penstock-vpn/penstock/sdk/pluginpb"
)

// parseDiagnostic takes a plugin's words: bounded, printable, without secrets.
func (c *connection) parseDiagnostic(m *pluginpb.Diagnostic) *diag.Diagnostic {
	code := diag.Code(m.GetCode())
	if code < diag.Unspecified || code > diag.Cancelled {
		code = diag.Unspecified
	}
	return &diag.Diagnostic{
		Warning: m.GetSeverity() == pluginpb.Diagnostic_WARNING,
		Code:    code,
		Summary: c.redact.clean(ui.Line(m.GetSummary())),
		Detail:  c.redact.clean(ui.Line(m.GetDetail())),
		Option:  clip(ui.Line(m.GetOption())),
	}
}

func toDiagnostic(d *diag.Diagnostic) *pluginpb.Diagnostic {
	m := &pluginpb.Diagnostic{Summary: d.Summary, Detail: d.Detail, Option: d.Option, Code: pluginpb.Code(d.Code)}
	if d.Warning {
		m.Severity = pluginpb.Diagnostic_WARNING
	}
	return m
}
