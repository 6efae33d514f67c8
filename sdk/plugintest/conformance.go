package plugintest

import (
	"testing"

	"github.com/penstock-vpn/penstock/sdk"
)

// Scenario is a gateway with which the plugin gets a tunnel. Without one, only what
// needs none is tested.
type Scenario struct {
	// Prepare sets the host's gateways and answers.
	Prepare func(h *Host)
	// Profile is the session's; options that it lacks get the schema's defaults.
	Profile Profile
}

// Starter serves a fresh plugin until the test ends.
type Starter func(t testing.TB) *Target

// Conformance tests what every plugin must do, whatever its protocol: it describes
// itself well, ends when it is asked to or left alone, wherever it is; it fails in the
// contract's words; it bears a future host, and a checkpoint that is garbage.
func Conformance(t *testing.T, newPlugin func() sdk.Plugin, scenario ...Scenario) {
	t.Helper()
	ConformanceOf(t, func(t testing.TB) *Target {
		CheckLeaks(t)
		return InProcess(t, newPlugin())
	}, scenario...)
}

// ConformanceOf is Conformance for a plugin of any language; see Launch.
func ConformanceOf(t *testing.T, start Starter, scenario ...Scenario) {
	t.Helper()
	t.Run("describes itself", func(t *testing.T) { testDescribe(t, start) })
	t.Run("bears options that it does not know", func(t *testing.T) { testValidate(t, start) })
	for _, s := range stages(scenario) {
		t.Run("stops while "+s.name, func(t *testing.T) { s.testStop(t, start) })
		t.Run("ends when left alone while "+s.name, func(t *testing.T) { s.testLeftAlone(t, start) })
	}
	t.Run("says why a refused transport ends it", func(t *testing.T) { testRefused(t, start, scenario) })
	t.Run("survives a garbage checkpoint", func(t *testing.T) { testGarbage(t, start, scenario) })
	for _, s := range scenario {
		t.Run("a cancelled prompt cancels", func(t *testing.T) { s.testCancelled(t, start) })
		t.Run("refuses messages from the future", func(t *testing.T) { s.testGrease(t, start) })
	}
}

// profile fills in defaults, and protocol and gateway where nothing says them.
func (s Scenario) profile(t testing.TB, target *Target) Profile {
	t.Helper()
	described := describe(t, target)
	p := s.Profile
	p.Options = map[string]string{"gateway": "vpn.example.com"}
	for _, o := range described.GetOptions() {
		if o.GetDefault() != "" {
			p.Options[o.GetKey()] = o.GetDefault()
		}
	}
	for key, value := range s.Profile.Options {
		p.Options[key] = value
	}
	if p.Protocol == "" && len(described.GetProtocols()) > 0 {
		p.Protocol = described.GetProtocols()[0].GetName()
	}
	return p
}

func (s Scenario) prepare(h *Host) {
	if s.Prepare != nil {
		s.Prepare(h)
	}
}

// first is the scenario given, or an empty one.
func first(scenario []Scenario) Scenario {
	if len(scenario) > 0 {
		return scenario[0]
	}
	return Scenario{}
}
