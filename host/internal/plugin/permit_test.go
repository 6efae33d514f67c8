package plugin

import (
	"strings"
	"testing"

	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/penstock-vpn/penstock/sdk/pluginpb"
)

func messages() protoreflect.FieldDescriptors {
	return (&pluginpb.FromPlugin{}).ProtoReflect().Descriptor().Oneofs().ByName("message").Fields()
}

// Each message of the contract has a row, each row is of a message, and has all columns.
func TestPermitsCoverTheContract(t *testing.T) {
	fields := messages()
	for i := range fields.Len() {
		name := fields.Get(i).Name()
		row := permits[name]
		if len(row) != int(phases) || strings.Trim(row, string([]rune{yes, no, late})) != "" {
			t.Errorf("%s: the row is %q, want %d cells of + - .", name, row, phases)
		}
	}
	for name := range permits {
		if fields.ByName(name) == nil {
			t.Errorf("there is no message %s", name)
		}
	}
	for name := range wantsAnswer {
		if fields.ByName(name) == nil {
			t.Errorf("there is no message %s", name)
		}
	}
}

// empty is the message of that name with nothing in it.
func empty(name protoreflect.Name) *pluginpb.FromPlugin {
	m := &pluginpb.FromPlugin{Id: 7}
	r := m.ProtoReflect()
	field := r.Descriptor().Fields().ByName(name)
	r.Set(field, r.NewField(field))
	return m
}

// Every cell of the table decides what happens to the message in that phase.
func TestEveryCell(t *testing.T) {
	for name, row := range permits {
		for p := range phases {
			l := newLedger()
			l.phase = p
			tooLate, err := l.received(empty(name))
			refused := err != nil && strings.Contains(err.Error(), "is not permitted "+when(p))
			if want := row[p]; refused != (want == no) || tooLate != (want == late) {
				t.Errorf("%s while %s is %c: got too late %v, error %v", name, p, want, tooLate, err)
			}
			if refused && !strings.HasPrefix(err.Error(), string(label(name))) {
				t.Errorf("%s while %s: the error %v does not name the message", name, p, err)
			}
		}
	}
}

func TestWhatEachPhaseIsFor(t *testing.T) {
	for name, want := range map[protoreflect.Name]map[phase]byte{
		"config":     {start: no, auth: no, nego: yes, up: yes},
		"attach":     {start: no, auth: no, nego: yes, up: yes},
		"prompt":     {start: no, auth: yes, up: no, stopping: late},
		"open":       {start: no, auth: yes, stopping: yes},
		"install_sa": {start: no, auth: no, nego: yes, up: yes, stopping: yes},
		"remove_sa":  {start: no, auth: no, nego: yes, up: yes, stopping: yes},
		"failed":     {start: yes, stopping: yes},
	} {
		for p, cell := range want {
			if permits[name][p] != cell {
				t.Errorf("%s while %s: %c, want %c", name, p, permits[name][p], cell)
			}
		}
	}
}
