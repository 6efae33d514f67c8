package desktop

import (
	"fmt"
	"slices"
	"strings"

	"github.com/godbus/dbus/v5"
)

const (
	atspi    = "org.a11y.atspi."
	registry = "org.a11y.atspi.Registry"
	rootPath = dbus.ObjectPath("/org/a11y/atspi/accessible/root")
)

// Bits of a thing's state (AT-SPI's numbers).
const (
	stateEditable  = 7
	stateSensitive = 24
	stateShowing   = 25
	stateVisible   = 30
	stateChecked   = 4
)

// Thing is one of the things on the screen: a window, a button, a label.
type Thing struct {
	screen *Screen
	ref    reference
	Name   string
	Role   string // "push button", "text"
	state  uint64
}

type reference struct {
	Bus  string
	Path dbus.ObjectPath
}

func (t Thing) object() dbus.BusObject { return t.screen.access.Object(t.ref.Bus, t.ref.Path) }

// is says whether a bit of the state is set.
func (t Thing) is(bit uint) bool { return t.state&(1<<bit) != 0 }

// Sensitive says whether it can be used now.
func (t Thing) Sensitive() bool { return t.is(stateSensitive) }

// String is for people who look at a failed test.
func (t Thing) String() string { return fmt.Sprintf("%s %q", t.Role, t.Name) }

func (s *Screen) thing(ref reference) (Thing, error) {
	t := Thing{screen: s, ref: ref}
	name, err := t.object().GetProperty(atspi + "Accessible.Name")
	if err != nil {
		return t, err
	}
	t.Name, _ = name.Value().(string)
	if err := t.object().Call(atspi+"Accessible.GetRoleName", 0).Store(&t.Role); err != nil {
		return t, err
	}
	var words []uint32
	if err := t.object().Call(atspi+"Accessible.GetState", 0).Store(&words); err != nil {
		return t, err
	}
	for i, word := range words[:min(len(words), 2)] {
		t.state |= uint64(word) << (32 * i)
	}
	return t, nil
}

func (t Thing) children() []Thing {
	var refs []reference
	if t.object().Call(atspi+"Accessible.GetChildren", 0).Store(&refs) != nil {
		return nil
	}
	var all []Thing
	for _, ref := range refs[:min(len(refs), 300)] {
		if child, err := t.screen.thing(ref); err == nil { // else it has gone meanwhile
			all = append(all, child)
		}
	}
	return all
}

// walk shows everything that is showing, parents first, until see says no.
func (s *Screen) walk(see func(t Thing, depth int) bool) {
	var down func(t Thing, depth int) bool
	down = func(t Thing, depth int) bool {
		if depth > 0 && !see(t, depth) {
			return false
		}
		for _, child := range t.children() {
			if depth < 40 && !down(child, depth+1) {
				return false
			}
		}
		return true
	}
	down(Thing{screen: s, ref: reference{registry, rootPath}}, 0)
}

// Picture describes what is on the screen, for a failed test.
func (s *Screen) Picture() string {
	var b strings.Builder
	s.walk(func(t Thing, depth int) bool {
		if t.is(stateShowing) || depth < 3 {
			fmt.Fprintf(&b, "%s%s %s\n", strings.Repeat(" ", depth), t, t.flags())
		}
		return true
	})
	return b.String()
}

func (t Thing) flags() string {
	var all []string
	for bit, name := range map[uint]string{stateEditable: "editable", stateSensitive: "sensitive", stateShowing: "showing"} {
		if t.is(bit) {
			all = append(all, name)
		}
	}
	slices.Sort(all)
	return strings.Join(all, ",")
}

// Text is what is typed into it.
func (t Thing) Text() string {
	var text string
	_ = t.object().Call(atspi+"Text.GetText", 0, int32(0), int32(-1)).Store(&text)
	return text
}

// act does the thing's first action: what a click does.
func (t Thing) act() error {
	var done bool
	err := t.object().Call(atspi+"Action.DoAction", 0, int32(0)).Store(&done)
	if err == nil && !done {
		err = fmt.Errorf("%s does nothing", t)
	}
	return err
}

// place is where it is, below its window.
func (t Thing) place() (x, y, width, height int32, err error) {
	const inWindow = 1
	var box struct{ X, Y, Width, Height int32 }
	err = t.object().Call(atspi+"Component.GetExtents", 0, uint32(inWindow)).Store(&box)
	return box.X, box.Y, box.Width, box.Height, err
}
