package plugin

import (
	"fmt"
	"sync"

	"github.com/penstock-vpn/penstock/sdk/pluginpb"
)

// Limits of one session.
const (
	maxOpen     = 16      // transports and paths at a time
	maxNumbers  = 1 << 16 // transports in a session's life
	maxUnsolved = 256     // questions without an answer
)

// ledger is what both directions of a session have said, as far as it decides what
// may come next: the phase, the questions without an answer, the transports.
type ledger struct {
	mu         sync.Mutex
	phase      phase
	resumable  bool // Resume was sent and not adopted
	configured bool
	questions  map[uint64]*pluginpb.FromPlugin // by id, until the host has answered
	used       map[uint32]bool                 // transport numbers; true while open
	attached   map[uint32]bool
	open       int
}

func newLedger() *ledger {
	return &ledger{questions: map[uint64]*pluginpb.FromPlugin{}, used: map[uint32]bool{}, attached: map[uint32]bool{}}
}

// sent follows what the host says. It must be called before the message is on its
// way, or the plugin's answer could come first.
func (l *ledger) sent(m *pluginpb.FromHost) {
	l.mu.Lock()
	defer l.mu.Unlock()
	switch k := m.GetMessage().(type) {
	case *pluginpb.FromHost_Resume:
		l.resumable, l.configured = true, k.Resume.GetConfigured()
		for _, p := range k.Resume.GetInstalled() {
			l.take(p.GetTransport())
		}
	case *pluginpb.FromHost_Stop:
		l.phase = stopping
	case *pluginpb.FromHost_Path:
		if k.Path.GetKind() == pluginpb.PathEvent_DEAD {
			l.release(k.Path.GetTransport())
		}
	case *pluginpb.FromHost_Drained: // the question is still open
	default:
		l.answered(m)
	}
}

// answered closes a question.
func (l *ledger) answered(m *pluginpb.FromHost) {
	question, ok := l.questions[m.GetRe()]
	if !ok {
		return
	}
	delete(l.questions, m.GetRe())
	_, refused := m.GetMessage().(*pluginpb.FromHost_Refused)
	switch k := question.GetMessage().(type) {
	case *pluginpb.FromPlugin_Open:
		if refused {
			l.release(k.Open.GetTransport())
		}
	case *pluginpb.FromPlugin_Attach:
		if refused {
			l.release(k.Attach.GetTransport())
		} else if l.used[k.Attach.GetTransport()] {
			l.attached[k.Attach.GetTransport()] = true
		}
		l.maybeUp()
	case *pluginpb.FromPlugin_Config:
		l.configured = l.configured || !refused
		l.maybeUp()
	}
}

func (l *ledger) maybeUp() {
	if l.phase == nego && l.configured && len(l.attached) > 0 {
		l.phase = up
	}
}

func (l *ledger) take(transport uint32) {
	l.used[transport] = true
	l.open++
}

func (l *ledger) release(transport uint32) {
	if l.used[transport] {
		l.used[transport] = false
		delete(l.attached, transport)
		l.open--
	}
}

// received says whether m may come now; tooLate means that it crossed our Stop.
func (l *ledger) received(m *pluginpb.FromPlugin) (tooLate bool, err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	name := messageName(m)
	if tooLate, err := permitted(name, l.phase); tooLate || err != nil {
		return tooLate, err
	}
	if err := bounded(m); err != nil {
		return false, fmt.Errorf("%s: %w", label(name), err)
	}
	if err := l.numbered(m); err != nil {
		return false, fmt.Errorf("%s: %w", label(name), err)
	}
	if err := l.enter(m); err != nil {
		return false, fmt.Errorf("%s: %w", label(name), err)
	}
	return false, nil
}

// numbered checks id and re.
func (l *ledger) numbered(m *pluginpb.FromPlugin) error {
	id := m.GetId()
	if residual := m.GetResidual(); residual != nil {
		// It goes with its Attach's id and asks nothing new.
		if l.questions[id].GetAttach() == nil {
			return fmt.Errorf("there is no Attach with the id %d that waits for it", id)
		}
		return nil
	}
	if id == 0 {
		if wantsAnswer[messageName(m)] {
			return fmt.Errorf("it wants an answer and has no id")
		}
		return nil
	}
	if _, twice := l.questions[id]; twice {
		return fmt.Errorf("the id %d is used twice", id)
	}
	if len(l.questions) >= maxUnsolved {
		return fmt.Errorf("more than %d messages wait for an answer", maxUnsolved)
	}
	l.questions[id] = m
	return nil
}

// enter writes down what m changes.
func (l *ledger) enter(m *pluginpb.FromPlugin) error {
	switch k := m.GetMessage().(type) {
	case *pluginpb.FromPlugin_Phase:
		return l.setPhase(k.Phase.GetPhase())
	case *pluginpb.FromPlugin_Adopted:
		return l.adopt(k.Adopted.GetTransports())
	case *pluginpb.FromPlugin_Open:
		return l.opening(k.Open.GetTransport())
	case *pluginpb.FromPlugin_Close:
		if n := k.Close.GetTransport(); n != 0 {
			if err := l.known(n); err != nil {
				return err
			}
			l.release(n)
		} else {
			delete(l.questions, k.Close.GetPrompt()) // it gets no Answer
		}
	case *pluginpb.FromPlugin_Attach:
		if err := l.known(k.Attach.GetTransport()); err != nil || k.Attach.GetReplaces() == 0 {
			return err
		}
		return l.known(k.Attach.GetReplaces())
	case *pluginpb.FromPlugin_Frame:
		return l.known(k.Frame.GetTransport())
	case *pluginpb.FromPlugin_InstallSa:
		return l.known(k.InstallSa.GetTransport())
	case *pluginpb.FromPlugin_RemoveSa:
		return l.known(k.RemoveSa.GetTransport())
	case *pluginpb.FromPlugin_InstallMppe:
		return l.known(k.InstallMppe.GetTransport())
	case *pluginpb.FromPlugin_Export:
		return l.known(k.Export.GetTransport())
	}
	return nil
}

func (l *ledger) setPhase(p pluginpb.Phase) error {
	switch p {
	case pluginpb.Phase_AUTHENTICATING:
		l.phase = auth
	case pluginpb.Phase_NEGOTIATING:
		l.phase = nego
	default:
		return fmt.Errorf("there is no phase %d", p)
	}
	return nil
}

func (l *ledger) adopt(transports []uint32) error {
	if !l.resumable {
		return fmt.Errorf("nothing was to be resumed")
	}
	l.resumable = false
	for _, n := range transports {
		if !l.used[n] {
			return fmt.Errorf("path %d was not offered", n)
		}
		l.attached[n] = true
	}
	for n := range l.used {
		if !l.attached[n] {
			l.release(n) // the host removes what was not adopted
		}
	}
	if len(l.attached) > 0 {
		l.phase = nego
		l.maybeUp()
	}
	return nil
}

func (l *ledger) opening(n uint32) error {
	if _, again := l.used[n]; again || n == 0 {
		return fmt.Errorf("the transport number %d was used before, or is 0", n)
	}
	if l.open >= maxOpen {
		return fmt.Errorf("more than %d transports are open", maxOpen)
	}
	if len(l.used) >= maxNumbers {
		return fmt.Errorf("more than %d transports in one session", maxNumbers)
	}
	l.take(n)
	return nil
}

// known is about every transport there ever was: its end may cross the message.
func (l *ledger) known(n uint32) error {
	if _, ok := l.used[n]; !ok {
		return fmt.Errorf("there is no transport %d", n)
	}
	return nil
}
