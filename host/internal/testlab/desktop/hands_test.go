package desktop

import (
	"fmt"
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

// Field waits for what is typed into under that name, and turns the mouse's wheel
// while it is out of sight.
func (h Hands) Field(name string) (found Thing) {
	h.t.Helper()
	h.await("the field "+strconv.Quote(name), func() (seen bool) {
		var panes []Thing
		found = Thing{}
		h.walk(func(t Thing, _ int) bool {
			switch {
			case t.Name == name && t.is(stateEditable):
				found = t
			case t.Role == "scroll pane" && t.is(stateShowing):
				panes = append(panes, t)
			}
			return found.Role == ""
		})
		for _, pane := range panes {
			if found.Role != "" && !pane.holds(found) {
				h.point(panes[len(panes)-1])
				h.tool("xdotool", "click", "--repeat", "2", "5")
				return false
			}
		}
		return found.is(stateShowing)
	})
	return found
}

// holds says whether the middle of a thing is to be seen in the pane.
func (t Thing) holds(other Thing) bool {
	_, top, _, height, err := t.place()
	_, y, _, h, err2 := other.place()
	return err == nil && err2 == nil && y >= top && y+h <= top+height
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
		if t.is(stateShowing) && match(t) {
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
	h.tool("xdotool", "mousemove", "--window", h.window(), fmt.Sprint(x+width/2), fmt.Sprint(y+height/2))
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
		h.tool("xdotool", "type", "--clearmodifiers", "--delay", "12", "--", text)
	}
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
