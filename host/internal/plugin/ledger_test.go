package plugin

import (
	"fmt"
	"strings"
	"testing"

	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/penstock-vpn/penstock/sdk/pluginpb"
)

// Messages, short.
func setPhase(p pluginpb.Phase) *pluginpb.FromPlugin {
	return &pluginpb.FromPlugin{Message: &pluginpb.FromPlugin_Phase{Phase: &pluginpb.SetPhase{Phase: p}}}
}

func open(id uint64, n uint32) *pluginpb.FromPlugin {
	return &pluginpb.FromPlugin{Id: id, Message: &pluginpb.FromPlugin_Open{Open: &pluginpb.Open{Transport: n}}}
}

func attach(id uint64, n uint32) *pluginpb.FromPlugin {
	return &pluginpb.FromPlugin{Id: id, Message: &pluginpb.FromPlugin_Attach{Attach: &pluginpb.Attach{Transport: n}}}
}

func attachESP(id uint64, sas int) *pluginpb.FromPlugin {
	esp := &pluginpb.Esp{Sas: make([]*pluginpb.Sa, sas)}
	for i := range esp.Sas {
		esp.Sas[i] = &pluginpb.Sa{}
	}
	return &pluginpb.FromPlugin{Id: id, Message: &pluginpb.FromPlugin_Attach{Attach: &pluginpb.Attach{Esp: esp}}}
}

func installSA(id uint64, n uint32, key int) *pluginpb.FromPlugin {
	sa := &pluginpb.Sa{Key: make([]byte, key)}
	return &pluginpb.FromPlugin{Id: id, Message: &pluginpb.FromPlugin_InstallSa{InstallSa: &pluginpb.InstallSa{Transport: n, Sa: sa}}}
}

func removeSA(n uint32) *pluginpb.FromPlugin {
	return &pluginpb.FromPlugin{Id: 9, Message: &pluginpb.FromPlugin_RemoveSa{RemoveSa: &pluginpb.RemoveSa{Transport: n}}}
}

func residual(id uint64, n int) *pluginpb.FromPlugin {
	return &pluginpb.FromPlugin{Id: id, Message: &pluginpb.FromPlugin_Residual{Residual: &pluginpb.Residual{Data: make([]byte, n)}}}
}

func config(id uint64) *pluginpb.FromPlugin {
	return &pluginpb.FromPlugin{Id: id, Message: &pluginpb.FromPlugin_Config{Config: &pluginpb.NetConfig{}}}
}

func prompt(id uint64) *pluginpb.FromPlugin {
	return &pluginpb.FromPlugin{Id: id, Message: &pluginpb.FromPlugin_Prompt{Prompt: &pluginpb.Prompt{}}}
}

func closing(n uint32) *pluginpb.FromPlugin {
	return &pluginpb.FromPlugin{Message: &pluginpb.FromPlugin_Close{Close: &pluginpb.Close{Transport: n}}}
}

func adopted(n ...uint32) *pluginpb.FromPlugin {
	return &pluginpb.FromPlugin{Re: 1, Message: &pluginpb.FromPlugin_Adopted{Adopted: &pluginpb.Adopted{Transports: n}}}
}

func ok(re uint64) *pluginpb.FromHost {
	return &pluginpb.FromHost{Re: re, Message: &pluginpb.FromHost_Ok{Ok: &pluginpb.Ok{}}}
}

func refused(re uint64) *pluginpb.FromHost {
	return &pluginpb.FromHost{Re: re, Message: &pluginpb.FromHost_Refused{Refused: &pluginpb.Refused{}}}
}

func stop() *pluginpb.FromHost {
	return &pluginpb.FromHost{Message: &pluginpb.FromHost_Stop{Stop: &pluginpb.Stop{}}}
}

func dead(n uint32) *pluginpb.FromHost {
	return &pluginpb.FromHost{Message: &pluginpb.FromHost_Path{Path: &pluginpb.PathEvent{Transport: n, Kind: pluginpb.PathEvent_DEAD}}}
}

func resume(configured bool, installed ...uint32) *pluginpb.FromHost {
	r := &pluginpb.Resume{Configured: configured}
	for _, n := range installed {
		r.Installed = append(r.Installed, &pluginpb.InstalledPath{Transport: n})
	}
	return &pluginpb.FromHost{Id: 1, Message: &pluginpb.FromHost_Resume{Resume: r}}
}

// play feeds a conversation to a ledger; the error is the last message's.
func play(t *testing.T, conversation ...any) (*ledger, error) {
	t.Helper()
	l := newLedger()
	for i, m := range conversation {
		var err error
		switch m := m.(type) {
		case *pluginpb.FromHost:
			l.sent(m)
		case *pluginpb.FromPlugin:
			_, err = l.received(m)
		}
		if i == len(conversation)-1 {
			return l, err
		}
		if err != nil {
			t.Fatalf("message %d: %v", i, err)
		}
	}
	return l, nil
}

const authenticating, negotiating = pluginpb.Phase_AUTHENTICATING, pluginpb.Phase_NEGOTIATING

func TestSessionGoesUp(t *testing.T) {
	tunnel := []any{
		setPhase(authenticating), prompt(1), &pluginpb.FromHost{Re: 1, Message: &pluginpb.FromHost_Answer{}},
		open(2, 1), &pluginpb.FromHost{Re: 2, Message: &pluginpb.FromHost_Opened{}},
		setPhase(negotiating), attach(3, 1), &pluginpb.FromHost{Re: 3, Message: &pluginpb.FromHost_Drained{}},
		residual(3, 10), ok(3), config(4),
	}
	l, err := play(t, tunnel...)
	if err != nil || l.phase != nego {
		t.Fatalf("%v, %v", l.phase, err)
	}
	if l, err = play(t, append(tunnel, refused(4))...); l.phase != nego {
		t.Errorf("a refused NetConfig: %v, %v", l.phase, err)
	}
	if l, err = play(t, append(tunnel, ok(4))...); l.phase != up {
		t.Errorf("path and NetConfig: %v, %v", l.phase, err)
	}
	if len(l.questions) != 0 {
		t.Errorf("questions left: %v", l.questions)
	}
	if l, err = play(t, append(tunnel, ok(4), dead(1), setPhase(authenticating), prompt(5))...); err != nil || l.phase != auth || l.open != 0 {
		t.Errorf("authenticating again: %v, %d open, %v", l.phase, l.open, err)
	}
}

func TestLedgerRefuses(t *testing.T) {
	many := []any{setPhase(authenticating)}
	for n := range uint32(maxOpen) {
		many = append(many, open(uint64(n+1), n+1))
	}
	questions := []any{setPhase(authenticating)}
	for id := range uint64(maxUnsolved) {
		questions = append(questions, prompt(id+1))
	}
	for want, conversation := range map[string][]any{
		"Prompt: it wants an answer and has no id":                     {setPhase(authenticating), prompt(0)},
		"Prompt: the id 5 is used twice":                               {setPhase(authenticating), open(5, 1), prompt(5)},
		"Open: the transport number 1 was used before, or is 0":        {setPhase(authenticating), open(5, 1), closing(1), open(6, 1)},
		"Open: the transport number 0 was used before, or is 0":        {setPhase(authenticating), open(5, 0)},
		"Open: more than 16 transports are open":                       append(many, open(99, 99)),
		"Prompt: more than 256 messages wait for an answer":            append(questions, prompt(999)),
		"Attach: there is no transport 3":                              {setPhase(negotiating), attach(5, 3)},
		"InstallSa: there is no transport 3":                           {setPhase(negotiating), installSA(5, 3, 16)},
		"InstallSa: it wants an answer and has no id":                  {setPhase(negotiating), installSA(0, 3, 16)},
		"InstallSa: key has 65 bytes, at most 64 are allowed":          {setPhase(negotiating), installSA(5, 3, 65)},
		"RemoveSa: there is no transport 3":                            {setPhase(negotiating), removeSA(3)},
		"Attach: sas has 17 entries, at most 16 are allowed":           {setPhase(negotiating), attachESP(5, 17)},
		"Close: there is no transport 3":                               {setPhase(negotiating), closing(3)},
		"Residual: there is no Attach with the id 5 that waits for it": {setPhase(negotiating), residual(5, 1)},
		"SetPhase: there is no phase 9":                                {setPhase(9)},
		"Adopted: nothing was to be resumed":                           {adopted()},
		"Adopted: path 4 was not offered":                              {resume(true, 3), adopted(4)},
		"Residual: data has 1048577 bytes, at most 1048576 are allowed": {setPhase(authenticating), open(1, 1),
			setPhase(negotiating), attach(5, 1), residual(5, 1<<20+1)},
	} {
		if _, err := play(t, conversation...); err == nil || err.Error() != want {
			t.Errorf("got %v, want %s", err, want)
		}
	}
}

func TestAnswersMakeRoom(t *testing.T) {
	conversation := []any{setPhase(authenticating)}
	for i := range uint64(4 * maxOpen) {
		n := uint32(i + 1)
		switch i % 3 {
		case 0: // refused
			conversation = append(conversation, open(i+1, n), refused(i+1))
		case 1: // closed by the plugin
			conversation = append(conversation, open(i+1, n), ok(i+1), closing(n))
		default: // lost
			conversation = append(conversation, open(i+1, n), ok(i+1), dead(n), closing(n))
		}
	}
	if l, err := play(t, conversation...); err != nil || l.open != 0 {
		t.Errorf("%d open, %v", l.open, err)
	}
}

func TestTakenBackPromptFreesItsID(t *testing.T) {
	back := &pluginpb.FromPlugin{Message: &pluginpb.FromPlugin_Close{Close: &pluginpb.Close{Prompt: 1}}}
	if l, err := play(t, setPhase(authenticating), prompt(1), back); err != nil || len(l.questions) != 0 {
		t.Errorf("%v, %v", l.questions, err)
	}
}

func TestResume(t *testing.T) {
	for name, c := range map[string]struct {
		resume *pluginpb.FromHost
		answer *pluginpb.FromPlugin
		phase  phase
		open   int
	}{
		"adopts all":          {resume(true, 3, 4), adopted(3, 4), up, 2},
		"adopts one":          {resume(true, 3, 4), adopted(4), up, 1},
		"adopts none":         {resume(true, 3, 4), adopted(), start, 0},
		"without a NetConfig": {resume(false, 3), adopted(3), nego, 1},
		"with nothing left":   {resume(true), adopted(), start, 0},
	} {
		l, err := play(t, c.resume, c.answer)
		if err != nil || l.phase != c.phase || l.open != c.open {
			t.Errorf("%s: %v, %d open, %v", name, l.phase, l.open, err)
		}
	}
	if _, err := play(t, resume(true, 3), adopted(3), open(2, 3)); err == nil {
		t.Error("the number of an installed path was used again")
	}
}

func TestStopLetsThePluginSayGoodbye(t *testing.T) {
	l, err := play(t, setPhase(authenticating), stop(), open(1, 1))
	if err != nil || l.phase != stopping {
		t.Errorf("%v, %v", l.phase, err)
	}
	tooLate, err := l.received(config(2))
	if !tooLate || err != nil {
		t.Errorf("a NetConfig that crossed Stop: too late %v, %v", tooLate, err)
	}
}

func TestBounds(t *testing.T) {
	long := strings.Repeat("x", maxString+1)
	routes := make([]string, 8193)
	for i := range routes {
		routes[i] = fmt.Sprintf("10.0.%d.%d/32", i>>8, i&255)
	}
	for want, c := range map[string]*pluginpb.NetConfig{
		"routes has 8193 entries, at most 8192 are allowed":           {Routes: routes},
		"an entry of search has 4097 bytes, at most 4096 are allowed": {Search: []string{long}},
		"proxy_pac has 4097 bytes, at most 4096 are allowed":          {ProxyPac: long},
		"key has 4097 bytes, at most 4096 are allowed":                {ScriptOptions: []*pluginpb.Pair{{Key: long}}},
		"<nil>": {Routes: routes[:8192], Banner: long, Search: []string{long[1:]}},
	} {
		if err := bounded(c); fmt.Sprint(err) != want {
			t.Errorf("got %v, want %s", err, want)
		}
	}
}

// Every name in the table of limits is a field of the contract.
func TestLimitsAreOfTheContract(t *testing.T) {
	file := pluginpb.File_plugin_proto
	for name := range limits {
		message, field, _ := strings.Cut(string(name), ".")
		m := file.Messages().ByName(protoreflect.Name(message))
		if m == nil || m.Fields().ByName(protoreflect.Name(strings.TrimSuffix(field, "[]"))) == nil {
			t.Errorf("there is no field %s", name)
		}
	}
}
