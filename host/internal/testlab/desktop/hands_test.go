package desktop

import (
	"fmt"
	"math"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/penstock-vpn/penstock/host/internal/testlab"
)

// patience is for a busy machine.
const patience = 30 * time.Second

// Hands are what a test does on a screen; what fails ends the test with a picture.
type Hands struct {
	*Screen
	t *testing.T
}

// Find waits for a thing that is showing.
func (h Hands) Find(role, name string) Thing {
	h.t.Helper()
	return h.find(role+" "+strconv.Quote(name), func(t Thing) bool { return t.Role == role && t.Name == name })
}

// Field waits for what is typed into under that name.
func (h Hands) Field(name string) Thing {
	h.t.Helper()
	return h.reach("the field "+strconv.Quote(name), func(t Thing) bool { return t.Name == name && t.is(stateEditable) })
}

// reach waits for a thing, and turns the mouse's wheel while it is out of sight.
func (h Hands) reach(what string, match func(Thing) bool) (found Thing) {
	h.t.Helper()
	h.await(what, func() (seen bool) {
		if found, seen = h.look(match); !seen {
			found = h.hidden(match)
		}
		if pane, out := found.pane(); out {
			h.wheel(pane, found)
			return false
		}
		return seen
	})
	return found
}

// hidden finds what is not showing: GTK 3 says so of what is out of sight.
func (h Hands) hidden(match func(Thing) bool) (found Thing) {
	h.walk(func(t Thing, _ int) bool {
		if match(t) && !t.gtk4() {
			found = t
		}
		return found.Role == ""
	})
	return found
}

// wheel turns the mouse's wheel over the edge of a pane, where it changes nothing else,
// towards a thing.
func (h Hands) wheel(pane, to Thing) {
	h.t.Helper()
	const up, down, edge = "4", "5", 4
	x, top, _, height, err := pane.place()
	must(h.t, err)
	_, y, _, _, err := to.place()
	must(h.t, err)
	h.moveTo(pane, x+edge, top+height/2)
	direction := down
	if y < top && y != math.MinInt32 { // GTK 3 does not say which way
		direction = up
	}
	h.tool("xdotool", "click", direction)
}

// Words waits for a thing that says so.
func (h Hands) Words(part string) Thing {
	h.t.Helper()
	return h.find("the words "+strconv.Quote(part), func(t Thing) bool { return strings.Contains(t.Name, part) })
}

// See says whether a thing of that name is showing now.
func (h Hands) See(name string) bool {
	_, seen := h.look(func(t Thing) bool { return t.Name == name })
	return seen
}

func (h Hands) look(match func(Thing) bool) (found Thing, seen bool) {
	h.walk(func(t Thing, _ int) bool {
		if match(t) && t.showing() {
			found, seen = t, true
		}
		return !seen
	})
	return found, seen
}

func (h Hands) find(what string, match func(Thing) bool) (found Thing) {
	h.t.Helper()
	h.await(what, func() (seen bool) {
		found, seen = h.look(match)
		return seen
	})
	return found
}

func (h Hands) await(what string, ready func() bool) {
	h.t.Helper()
	if err := testlab.Await(within(h.t, patience), what, ready); err != nil {
		h.t.Fatalf("%v; on the screen is:\n%s", err, h.Picture())
	}
}

func (h Hands) tool(args ...string) string {
	h.t.Helper()
	out, err := h.run(args...)
	must(h.t, err)
	return out
}

// Click presses the mouse's button in the middle of a thing in the active window.
func (h Hands) Click(t Thing) {
	h.t.Helper()
	h.point(t)
	h.tool("xdotool", "click", "1")
}

// point moves the mouse over a thing.
func (h Hands) point(t Thing) {
	h.t.Helper()
	x, y, width, height, err := t.place()
	must(h.t, err)
	h.moveTo(t, x+width/2, y+height/2)
}

// moveTo moves the mouse to a place in the active window, which is that of a thing. What
// GTK 4 draws around its windows is not in the places that it tells.
func (h Hands) moveTo(t Thing, x, y int32) {
	h.t.Helper()
	id := h.window()
	if t.gtk4() {
		_, _, width, height, err := t.window().place()
		must(h.t, err)
		outer := h.size(id)
		x, y = x+(outer[0]-width)/2, y+(outer[1]-height)/2
	}
	h.tool("xdotool", "mousemove", "--window", id, fmt.Sprint(x), fmt.Sprint(y))
}

// size is a window's width and height.
func (h Hands) size(id string) (size [2]int32) {
	h.t.Helper()
	said := h.tool("xdotool", "getwindowgeometry", "--shell", id)
	for line := range strings.Lines(said) {
		for i, name := range []string{"WIDTH=%d", "HEIGHT=%d"} {
			_, _ = fmt.Sscanf(line, name, &size[i])
		}
	}
	return size
}

// window is the active one.
func (h Hands) window() (id string) {
	h.t.Helper()
	h.await("an active window", func() bool {
		var err error
		id, err = h.run("xdotool", "getactivewindow")
		return err == nil
	})
	return id
}

// Press does what a click on the thing does, wherever it is.
func (h Hands) Press(t Thing) {
	h.t.Helper()
	must(h.t, t.act())
}

// Choose picks a choice of a combo box, whose menu need not be open for that.
func (h Hands) Choose(choice string) {
	h.t.Helper()
	var item Thing
	h.await("the choice "+choice, func() (seen bool) {
		h.walk(func(t Thing, _ int) bool {
			if t.Role == "menu item" && t.Name == choice {
				item, seen = t, true
			}
			return !seen
		})
		return seen
	})
	h.Press(item)
}

// Pick picks a choice of a drop-down of GTK 4 by the keys, once a click has opened it.
func (h Hands) Pick(name, choice string) {
	h.t.Helper()
	h.Click(h.reach("the drop-down "+name, func(t Thing) bool { return t.Role == "combo box" && t.Name == name }))
	item := h.find("the choice "+choice, func(t Thing) bool {
		return t.Name == choice && t.Role == "label" && t.parent.parent.Role == "list item"
	}).parent.parent
	h.Keys("Home")
	for _, other := range item.parent.children() {
		if other.ref == item.ref {
			break
		}
		h.Keys("Down")
	}
	h.Keys("Return")
}

// Browse chooses a file for a field.
func (h Hands) Browse(field, path string) {
	h.t.Helper()
	button := h.reach("the button of "+field, func(t Thing) bool { return t.Name == "Choose a file: "+field })
	h.File(path, func() { h.Click(button) })
	h.await("the path to be in the field", func() bool { return h.Field(field).Text() == path })
}

// File chooses a file in the dialog that open opens, which may have the focus before it
// takes keys.
func (h Hands) File(path string, open func()) {
	h.t.Helper()
	before := h.window()
	open()
	var dialog string
	h.await("the dialog for files", func() bool { dialog = h.window(); return dialog != before })
	h.await(path+" to be chosen", func() bool {
		h.Keys("ctrl+l", "ctrl+a")
		h.write(path)
		h.Keys("Return")
		return testlab.Await(within(h.t, 4*time.Second), "the dialog to end", func() bool { return h.window() != dialog }) == nil
	})
}

// Store opens the menu of where a secret is kept: the icon in its field.
func (h Hands) Store(field string) {
	h.t.Helper()
	secret := h.Field(field)
	h.Click(h.find("the icon in "+field, func(t Thing) bool {
		return t.parent != nil && t.parent.ref == secret.ref && (t.Role == "icon" || t.Role == "image")
	}))
}

// Keys presses keys by their names: "Tab", "ctrl+a".
func (h Hands) Keys(names ...string) {
	h.t.Helper()
	h.tool(append([]string{"xdotool", "key", "--clearmodifiers"}, names...)...)
}

// Type clicks into a field and types text in place of what was there.
func (h Hands) Type(field Thing, text string) {
	h.t.Helper()
	h.Click(field)
	h.Keys("ctrl+a", "Delete")
	if text != "" {
		h.write(text)
	}
}

// write types text into what has the focus.
func (h Hands) write(text string) {
	h.t.Helper()
	h.tool("xdotool", "type", "--clearmodifiers", "--delay", "12", "--", text)
}

// Fill is Type, until the field has the text.
func (h Hands) Fill(name, text string) {
	h.t.Helper()
	field := h.Field(name)
	h.Type(field, text)
	h.await(fmt.Sprintf("%q to be in the field %s", text, name), func() bool { return h.Field(name).Text() == text })
}

// Shot keeps a picture of the active window as a file in the folder, "" for nowhere.
func (h Hands) Shot(folder, name string) {
	h.t.Helper()
	if folder == "" {
		return
	}
	h.tool("xdotool", "mousemove", "0", "0") // where it calls no help up
	h.tool("import", "-window", h.window(), "-colors", "48", "-strip", "png8:"+filepath.Join(folder, name+".png"))
}
