package dialog

import (
	"fmt"
	"math"
	"os"
	"strings"
)

// agent is who runs us, by the name of the process. They differ in what they show:
//
//	nmcli        what is asked and secret, and each time the whole text before it;
//	             takes nothing that it did not ask for itself
//	nm-applet    what is secret, the first three of it; drops empty answers
//	gnome-shell  all of it, and what is not secret in clear; refuses empty answers;
//	             takes an end without an answer as an answer
type agent string

const (
	nmcli      agent = "nmcli"
	nmApplet   agent = "nm-applet"
	gnomeShell agent = "gnome-shell"
)

// Parent is the name of the process that started us, "" when it cannot be told.
func Parent() string {
	name, err := os.ReadFile(fmt.Sprintf("/proc/%d/comm", os.Getppid()))
	if err != nil {
		return ""
	}
	return strings.TrimSuffix(string(name), "\n")
}

// takesSilent says whether a value arrives that was not asked for.
func (a agent) takesSilent() bool { return a != nmcli }

// showsText says whether a field that is no secret is shown, and what it begins with.
func (a agent) showsText() bool { return a == gnomeShell }

// most is how many values it asks for at once.
func (a agent) most() int {
	if a == nmApplet {
		return 3
	}
	return math.MaxInt
}
