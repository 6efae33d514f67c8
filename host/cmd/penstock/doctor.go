package main

import (
	"fmt"

	"github.com/spf13/cobra"
)

// A finding is what doctor says about one thing.
type finding struct {
	level  level
	topic  string // "plugins"
	text   string // how it is
	advice string // what to do, "" when it is well
}

type level int

const (
	well level = iota
	doubtful
	broken
)

func (l level) String() string { return [...]string{"ok", "warn", "fail"}[l] }

func (l level) color() string { return [...]string{green, yellow, red}[l] }

func ok(topic, format string, args ...any) finding {
	return finding{well, topic, fmt.Sprintf(format, args...), ""}
}

func (a *app) doctorCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "doctor",
		Short: "Check what connections need on this machine",
		Args:  wantArgs(0, 0),
		RunE: func(c *cobra.Command, _ []string) error {
			var found []finding
			for _, check := range []func() []finding{
				privileges, tunDevice, isolation, a.checkPlugins, a.checkConfig, scriptTools, resolver,
				func() []finding { return a.leftovers(c.Context()) },
			} {
				found = append(found, check()...)
			}
			return a.printFindings(found)
		},
	}
}

// printFindings prints a line for each finding; a broken one is exit status 1.
func (a *app) printFindings(found []finding) error {
	color, worst := a.outColor(), well
	for _, f := range found {
		a.out.say("%s  %-10s %s", paint(color, f.level.color(), fmt.Sprintf("%-4s", f.level)), f.topic, f.text)
		if f.advice != "" {
			a.out.say("                 %s", f.advice)
		}
		worst = max(worst, f.level)
	}
	switch worst {
	case broken:
		a.out.say("\nConnections will not work before what fails is put right.")
		return exitWith(exitOther)
	case doubtful:
		a.out.say("\nConnections can work; see the warnings.")
	default:
		a.out.say("\nEverything is in order.")
	}
	return nil
}
