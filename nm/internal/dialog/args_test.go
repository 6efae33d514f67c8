package dialog

import (
	"reflect"
	"testing"
)

func TestParseArgs(t *testing.T) {
	want := Args{UUID: "U", Name: "my corp", Service: "S", Interact: true, Again: true, External: true, Hints: []string{"otp", "x-vpn-message:-i = a"}}
	for name, argv := range map[string][]string{
		"short":   {"-u", "U", "-n", "my corp", "-s", "S", "--external-ui-mode", "-i", "-r", "-t", "otp", "-t", "x-vpn-message:-i = a"},
		"long":    {"--uuid", "U", "--name", "my corp", "--service=S", "--allow-interaction", "--reprompt", "--hint", "otp", "--hint=x-vpn-message:-i = a", "--external-ui-mode"},
		"unknown": {"-x", "--colour=red", "-u", "U", "stray", "-n", "my corp", "-s", "S", "-i", "-r", "--external-ui-mode", "-t", "otp", "-t", "x-vpn-message:-i = a"},
	} {
		if got := ParseArgs(argv); !reflect.DeepEqual(got, want) {
			t.Errorf("%s: %+v", name, got)
		}
	}
	if got := ParseArgs([]string{"-i", "-t"}); !got.Interact || len(got.Hints) != 1 || got.Hints[0] != "" {
		t.Errorf("an end too early: %+v", got)
	}
	many := make([]string, 0, 1000)
	for range 500 {
		many = append(many, "-t", "x")
	}
	if got := ParseArgs(many); len(got.Hints) != maxHints {
		t.Errorf("%d hints", len(got.Hints))
	}
}
