package desktop

import (
	"fmt"
	"slices"
	"strings"
	"sync"

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
)

// Thing is one of the things on the screen: a window, a button, a label.
type Thing struct {
	screen *Screen
	ref    reference
	parent *Thing // nil for a program
	Name   string
	Role   string // "push button", "text"; GTK 4 has other words than GTK 3
	state  uint64
}

type reference struct {
	Bus  string
	Path dbus.ObjectPath
}

func (t Thing) object() dbus.BusObject { return t.screen.access.Object(t.ref.Bus, t.ref.Path) }

// is says whether a bit of the state is set.
func (t Thing) is(bit uint) bool { return t.state&(1<<bit) != 0 }

// showing says whether it is on the screen. GTK 4 says so of the active window alone; of
// all else, that it is not hidden, and where it is: nowhere, on a page that is not shown.
func (t Thing) showing() bool {
	if t.is(stateShowing) || !t.gtk4() {
		return t.is(stateShowing)
	}
	_, _, width, height, err := t.place()
	return err == nil && t.is(stateVisible) && width > 0 && height > 0
}

// gtk4 says whether GTK 4 draws it, whose things have paths below the program's own.
func (t Thing) gtk4() bool { return !strings.HasPrefix(string(t.ref.Path), "/org/a11y/atspi/") }

// window is the outermost thing that it is in, below the program.
func (t Thing) window() Thing {
	for t.parent != nil && t.parent.parent != nil {
		t = *t.parent
	}
	return t
}

// pane is what it is in and out of sight of: part of a page that is to be scrolled. GTK 4
// has no word for it.
func (t Thing) pane() (Thing, bool) {
	for p := t.parent; p != nil; p = p.parent {
		if (p.Role == "scroll pane" || p.gtk4()) && !p.holds(t) {
			return *p, true
		}
	}
	return Thing{}, false
}

// holds says whether it is high enough to show the other.
func (t Thing) holds(other Thing) bool {
	_, top, _, height, err := t.place()
	_, y, _, h, err2 := other.place()
	return err != nil || err2 != nil || y >= top && y+h <= top+height // a program has no place
}

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

// children are asked for all at once: there are hundreds.
func (t Thing) children() []Thing {
	var refs []reference
	if t.object().Call(atspi+"Accessible.GetChildren", 0).Store(&refs) != nil {
		return nil
	}
	all := make([]Thing, min(len(refs), 300))
	var asking sync.WaitGroup
	for i := range all {
		asking.Go(func() {
			if child, err := t.screen.thing(refs[i]); err == nil { // else it has gone meanwhile
				all[i] = child
			}
		})
	}
	asking.Wait()
	all = slices.DeleteFunc(all, func(child Thing) bool { return child.screen == nil })
	for i := range all {
		if t.Role != "" {
			all[i].parent = &t
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
		if t.showing() || depth < 3 {
			fmt.Fprintf(&b, "%s%s %s\n", strings.Repeat(" ", depth), t, t.flags())
		}
		return true
	})
	return b.String()
}

func (t Thing) flags() string {
	var all []string
	for bit, name := range map[uint]string{stateEditable: "editable", stateSensitive: "sensitive", stateShowing: "showing", stateVisible: "visible"} {
		if t.is(bit) {
			all = append(all, name)
		}
	}
	slices.Sort(all)
	return strings.Join(all, ",")
}

// Text is what is typed into it.
func (t Thing) Text() string {
	count, err := t.object().GetProperty(atspi + "Text.CharacterCount")
	if err != nil {
		return ""
	}
	var text string
	_ = t.object().Call(atspi+"Text.GetText", 0, int32(0), count.Value()).Store(&text)
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
