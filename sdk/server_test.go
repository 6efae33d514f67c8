package sdk_test

import (
	"context"
	"reflect"
	"testing"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"

	"github.com/penstock-vpn/penstock/sdk"
	"github.com/penstock-vpn/penstock/sdk/diag"
	"github.com/penstock-vpn/penstock/sdk/option"
	"github.com/penstock-vpn/penstock/sdk/pluginpb"
	"github.com/penstock-vpn/penstock/sdk/plugintest"
)

// picky has everything that can be described, and objects to everything.
type picky struct{ connect }

func (picky) Describe() sdk.Description {
	return sdk.Description{
		Name: "picky", Version: "1.2.3", Needs: []string{sdk.NeedTLS},
		Protocols: []sdk.Protocol{{Name: "a", Label: "A"}, {Name: "b", Label: "B"}},
		Options: option.Schema{
			{Key: "mode", Type: option.Enum, Label: "Mode", Help: "How.", Default: "x", Choices: []string{"x", "y"}, Group: "More", Advanced: true},
			{Key: "wait", Type: option.Duration, Label: "Wait", Required: true, Min: 1, Max: 9, VisibleIf: option.Condition{Key: "mode", Value: "y"}},
			{Key: "pin", Type: option.String, Label: "PIN", Secret: true},
		},
	}
}

func (picky) Validate(options map[string]string) []diag.Diagnostic {
	return []diag.Diagnostic{{Warning: true, Code: diag.Config, Summary: "no", Detail: options["mode"], Option: "mode"}}
}

func TestDescribeAndValidate(t *testing.T) {
	target := plugintest.InProcess(t, picky{})
	got, err := target.Client.Describe(t.Context(), &pluginpb.DescribeRequest{})
	if err != nil {
		t.Fatal(err)
	}
	want := &pluginpb.DescribeResponse{
		Name: "picky", Version: "1.2.3", Needs: []string{"tls"}, Capabilities: []string{"resume"},
		Protocols: []*pluginpb.Protocol{{Name: "a", Label: "A"}, {Name: "b", Label: "B"}},
		Options: []*pluginpb.Option{
			{Key: "mode", Type: pluginpb.Option_ENUM, Label: "Mode", Help: "How.", Default: "x", Choices: []string{"x", "y"}, Group: "More", Advanced: true},
			{Key: "wait", Type: pluginpb.Option_DURATION, Label: "Wait", Required: true, Min: 1, Max: 9, VisibleIf: &pluginpb.Option_Condition{Key: "mode", Value: "y"}},
			{Key: "pin", Type: pluginpb.Option_STRING, Label: "PIN", Secret: true},
		},
	}
	if !proto.Equal(got, want) {
		t.Errorf("described as\n%v, want\n%v", got, want)
	}
	answer, err := target.Client.Validate(t.Context(), &pluginpb.ValidateRequest{Options: map[string]string{"mode": "y"}})
	if err != nil || len(answer.GetDiagnostics()) != 1 {
		t.Fatalf("validated %v, %v", answer, err)
	}
	objection := &pluginpb.Diagnostic{Severity: pluginpb.Diagnostic_WARNING, Code: pluginpb.Code_CODE_CONFIG, Summary: "no", Detail: "y", Option: "mode"}
	if !proto.Equal(answer.GetDiagnostics()[0], objection) {
		t.Errorf("validated %v", answer)
	}
}

// The types of options are numbered alike on both sides, one apart.
func TestOptionTypesMatchTheContract(t *testing.T) {
	for i, name := range []string{"STRING", "INT", "BOOL", "ENUM", "DURATION", "FILE", "LIST"} {
		if got := pluginpb.Option_Type(option.Type(i) + 1).String(); got != name {
			t.Errorf("type %d is %s on the wire, want %s", i, got, name)
		}
	}
}

func TestDiagnosticCodesMatchTheContract(t *testing.T) {
	want := map[diag.Code]pluginpb.Code{
		diag.Config: pluginpb.Code_CODE_CONFIG, diag.AuthRefused: pluginpb.Code_CODE_AUTH_REFUSED,
		diag.Unreachable: pluginpb.Code_CODE_UNREACHABLE, diag.Certificate: pluginpb.Code_CODE_CERTIFICATE,
		diag.Protocol: pluginpb.Code_CODE_PROTOCOL, diag.SessionEnded: pluginpb.Code_CODE_SESSION_ENDED,
		diag.Cancelled: pluginpb.Code_CODE_CANCELLED, diag.UnknownMessage: pluginpb.Code_CODE_UNKNOWN_MESSAGE,
		diag.NotPermitted: pluginpb.Code_CODE_NOT_PERMITTED, diag.Invalid: pluginpb.Code_CODE_INVALID,
	}
	got := map[diag.Code]pluginpb.Code{}
	for code := range want {
		got[code] = pluginpb.Code(code)
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("codes are %v on the wire, want %v", got, want)
	}
}

func TestASessionBeginsWithStartOrResume(t *testing.T) {
	target := plugintest.InProcess(t, connect(func(context.Context, *sdk.Session) error {
		t.Error("Connect was called")
		return nil
	}))
	for _, m := range []*pluginpb.FromHost{
		{}, {Message: &pluginpb.FromHost_Wake{Wake: &pluginpb.Wake{}}}, {Message: &pluginpb.FromHost_Resume{Resume: &pluginpb.Resume{}}},
	} {
		stream, err := target.Client.Session(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if err := stream.Send(m); err != nil {
			t.Fatal(err)
		}
		if _, err := stream.Recv(); status.Code(err) != codes.InvalidArgument {
			t.Errorf("%v: %v", m, err)
		}
	}
}

func TestOneSessionAtATime(t *testing.T) {
	target := plugintest.InProcess(t, connect(func(ctx context.Context, s *sdk.Session) error {
		s.Info("here")
		<-ctx.Done()
		return nil
	}))
	h := plugintest.NewHost(t)
	run := h.Start(target, plugintest.Profile{})
	run.Until("a sign of life", func(r *plugintest.Run) bool { return len(r.Progress()) > 0 })
	second, err := target.Client.Session(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := second.Recv(); status.Code(err) != codes.FailedPrecondition {
		t.Errorf("a second session: %v", err)
	}
}
