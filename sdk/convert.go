package sdk

import (
	"fmt"
	"strings"

	"github.com/penstock-vpn/penstock/sdk/diag"
	"github.com/penstock-vpn/penstock/sdk/option"
	"github.com/penstock-vpn/penstock/sdk/pluginpb"
)

// refusal is the error that a Refused stands for; it is never nil.
func refusal(r *pluginpb.Refused) *diag.Diagnostic {
	d := r.GetDiagnostic()
	if d.GetSummary() == "" {
		return diag.Newf(codeOf(d.GetCode()), "the host refused without a reason")
	}
	return &diag.Diagnostic{
		Warning: d.GetSeverity() == pluginpb.Diagnostic_WARNING,
		Code:    codeOf(d.GetCode()),
		Summary: d.GetSummary(), Detail: d.GetDetail(), Option: d.GetOption(),
	}
}

// codeOf maps codes that both sides number alike; a newer one is unspecified.
func codeOf(c pluginpb.Code) diag.Code {
	if _, known := pluginpb.Code_name[int32(c)]; !known {
		return diag.Unspecified
	}
	return diag.Code(c)
}

// diagnosticMessage writes d; diag.Plugin has no code on the wire, it is the host's.
func diagnosticMessage(d diag.Diagnostic) *pluginpb.Diagnostic {
	m := &pluginpb.Diagnostic{Summary: d.Summary, Detail: d.Detail, Option: d.Option}
	if d.Warning {
		m.Severity = pluginpb.Diagnostic_WARNING
	}
	if _, known := pluginpb.Code_name[int32(d.Code)]; known {
		m.Code = pluginpb.Code(d.Code)
	}
	return m
}

func refuseUnknown(id uint64) *pluginpb.FromPlugin {
	return &pluginpb.FromPlugin{Re: id, Message: &pluginpb.FromPlugin_Refused{Refused: &pluginpb.Refused{
		Diagnostic: &pluginpb.Diagnostic{Code: pluginpb.Code_CODE_UNKNOWN_MESSAGE, Summary: "the plugin does not know this message"},
	}}}
}

// kindOf names a message's kind for people, for example "Answer".
func kindOf(m *pluginpb.FromHost) string {
	if m.GetMessage() == nil {
		return "one this plugin does not know"
	}
	_, kind, _ := strings.Cut(fmt.Sprintf("%T", m.GetMessage()), "_")
	return kind
}

// message writes what Describe answers.
func (d Description) message() *pluginpb.DescribeResponse {
	m := &pluginpb.DescribeResponse{Name: d.Name, Version: d.Version, Needs: d.Needs, Capabilities: []string{capabilityResume}}
	for _, p := range d.Protocols {
		m.Protocols = append(m.Protocols, &pluginpb.Protocol{Name: p.Name, Label: p.Label, TlsPort: uint32(p.TLSPort)})
	}
	for _, o := range d.Options {
		m.Options = append(m.Options, optionMessage(o))
	}
	return m
}

func optionMessage(o option.Option) *pluginpb.Option {
	m := &pluginpb.Option{
		Key: o.Key, Type: pluginpb.Option_Type(o.Type + 1), // 0 is unspecified on the wire
		Label: o.Label, Help: o.Help, Default: o.Default, Required: o.Required,
		Choices: o.Choices, Group: o.Group, Advanced: o.Advanced, Secret: o.Secret,
		Min: o.Min, Max: o.Max,
	}
	if o.VisibleIf != (option.Condition{}) {
		m.VisibleIf = &pluginpb.Option_Condition{Key: o.VisibleIf.Key, Value: o.VisibleIf.Value}
	}
	return m
}
