package plugintest

import (
	"context"
	"regexp"
	"slices"
	"testing"

	"google.golang.org/protobuf/proto"

	"github.com/penstock-vpn/penstock/sdk"
	"github.com/penstock-vpn/penstock/sdk/option"
	"github.com/penstock-vpn/penstock/sdk/pluginpb"
)

func describe(t testing.TB, target *Target) *pluginpb.DescribeResponse {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	request := &pluginpb.DescribeRequest{}
	grease(request)
	d, err := target.Client.Describe(ctx, request)
	if err != nil {
		t.Fatalf("plugintest: describe: %v", err)
	}
	return d
}

var (
	namePattern    = regexp.MustCompile(`^[a-z0-9-]{1,32}$`)
	versionPattern = regexp.MustCompile(`^\d+\.\d+\.\d+(-[0-9A-Za-z.-]+)?(\+[0-9A-Za-z.-]+)?$`)
	needs          = []string{sdk.NeedTCP, sdk.NeedTLS, sdk.NeedUDP, sdk.NeedDTLS, sdk.NeedRaw, sdk.NeedESP, sdk.NeedClientCertificate}
)

func testDescribe(t testing.TB, start Starter) {
	target := start(t)
	d := describe(t, target)
	if !namePattern.MatchString(d.GetName()) {
		t.Errorf("name %q is not 1 to 32 of a-z, 0-9 and -", d.GetName())
	}
	if !versionPattern.MatchString(d.GetVersion()) {
		t.Errorf("version %q is not a semantic version", d.GetVersion())
	}
	if len(d.GetProtocols()) == 0 {
		t.Error("there is no protocol")
	}
	for _, p := range d.GetProtocols() {
		if !namePattern.MatchString(p.GetName()) || p.GetLabel() == "" {
			t.Errorf("protocol %q is not 1 to 32 of a-z, 0-9 and -, or has no label (%q)", p.GetName(), p.GetLabel())
		}
	}
	for _, need := range d.GetNeeds() {
		if !slices.Contains(needs, need) {
			t.Errorf("no host knows the need %q; there are %q", need, needs)
		}
	}
	if err := readSchema(d.GetOptions()).Check(); err != nil {
		t.Errorf("options: %v", err)
	}
	if again := describe(t, target); !proto.Equal(d, again) {
		t.Errorf("it describes itself differently the second time:\n%v\n%v", d, again)
	}
}

func readSchema(options []*pluginpb.Option) option.Schema {
	var s option.Schema
	for _, o := range options {
		s = append(s, option.Option{
			Key: o.GetKey(), Type: option.Type(o.GetType() - 1), // 0 is unspecified on the wire
			Label: o.GetLabel(), Help: o.GetHelp(), Default: o.GetDefault(), Required: o.GetRequired(),
			Choices: o.GetChoices(), Group: o.GetGroup(), Advanced: o.GetAdvanced(),
			VisibleIf: option.Condition{Key: o.GetVisibleIf().GetKey(), Value: o.GetVisibleIf().GetValue()},
			Secret:    o.GetSecret(), Min: o.GetMin(), Max: o.GetMax(),
		})
	}
	return s
}

func testValidate(t testing.TB, start Starter) {
	target := start(t)
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	request := &pluginpb.ValidateRequest{Options: map[string]string{"option-from-the-future": "1"}}
	grease(request)
	answer, err := target.Client.Validate(ctx, request)
	if err != nil {
		t.Fatalf("validate: %v", err)
	}
	for _, d := range answer.GetDiagnostics() {
		if d.GetSummary() == "" {
			t.Errorf("a diagnostic says nothing: %v", d)
		}
		if d.GetOption() == "option-from-the-future" {
			t.Errorf("an option that the host alone knows is the plugin's business: %s", d.GetSummary())
		}
	}
}
