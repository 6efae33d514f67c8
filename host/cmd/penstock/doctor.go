package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/penstock-vpn/penstock/host"
	"github.com/penstock-vpn/penstock/host/internal/control"
	"github.com/penstock-vpn/penstock/host/internal/doctor"
	"github.com/penstock-vpn/penstock/host/ui"
	"github.com/penstock-vpn/penstock/sdk/diag"
)

func (a *app) doctorCommand() *cobra.Command {
	var asJSON bool
	var protocol string
	c := &cobra.Command{
		Use:   "doctor [NAME|GATEWAY] [--json]",
		Short: "Check what connections need on this machine, and the way to a gateway",
		Args:  wantArgs(0, 1),
		RunE: func(c *cobra.Command, args []string) error {
			facts := a.facts(c.Context())
			if len(args) == 1 {
				g, err := a.probe(c.Context(), args[0], protocol)
				if err != nil {
					return err
				}
				facts.Gateway = g
			}
			return a.diagnose(doctor.Examine(facts), asJSON)
		},
	}
	c.Flags().BoolVar(&asJSON, "json", false, "print an object, for programs")
	c.Flags().StringVar(&protocol, "protocol", "", "the gateway's `PROTOCOL`: it says where UDP is")
	return c
}

// facts are the machine's, and what this program knows of itself.
func (a *app) facts(ctx context.Context) doctor.Facts {
	running, _ := control.List(ctx, a.controlDirs())
	var devices, connected []string
	for _, s := range running {
		connected = append(connected, s.Name)
		devices = append(devices, s.Interface)
	}
	dirs := a.controlDirs()
	dir := dirs[len(dirs)-1] // this user's
	facts := doctor.Gather(dir, devices)
	facts.Connected = connected
	facts.Dead = a.deadSockets(ctx)
	facts.Plugins = a.examinePlugins()
	facts.Config, facts.Named = a.examineConfig()
	return facts
}

// deadSockets are those of connections that nobody serves.
func (a *app) deadSockets(ctx context.Context) []string {
	var dead []string
	for _, dir := range a.controlDirs() {
		paths, _ := filepath.Glob(filepath.Join(dir, "*.sock"))
		for _, path := range paths {
			name := strings.TrimSuffix(filepath.Base(path), ".sock")
			if _, err := control.Query(ctx, dir, name); errors.Is(err, control.ErrNotRunning) {
				dead = append(dead, name)
			}
		}
	}
	return dead
}

func note(d diag.Diagnostic) doctor.Note {
	level := doctor.Fail
	if d.Warning {
		level = doctor.Warn
	}
	return doctor.Note{Level: level, Found: d.Summary, Do: d.Detail}
}

func (a *app) examinePlugins() []doctor.Plugin {
	var all []doctor.Plugin
	plugins, notes := a.plugins()
	for _, d := range notes {
		all = append(all, doctor.Plugin{Note: note(d)})
	}
	for _, m := range plugins.All() {
		p := doctor.Plugin{Name: m.Name, Version: m.Version, Protocols: protocolNames(m)}
		if err := m.Verify(); err != nil {
			p.Note = note(*diag.Of(err))
		}
		all = append(all, p)
	}
	return all
}

func (a *app) examineConfig() (found []doctor.Note, named int) {
	files, err := a.loadConfig()
	if err != nil {
		return []doctor.Note{note(*diag.Of(err))}, 0
	}
	doubt := func(name string, d diag.Diagnostic) {
		found = append(found, doctor.Note{Level: doctor.Warn, Found: "connection " + name + ": " + d.Summary, Do: d.Detail})
	}
	plugins, _ := a.plugins()
	for _, name := range files.Names() {
		c, _ := files.Find(name)
		m, err := plugins.Lookup(c.Protocol())
		if err != nil {
			doubt(name, *diag.Of(err))
			continue
		}
		_, wrong := c.Resolve(append(host.CommonOptions(), m.Options...))
		for _, d := range wrong {
			doubt(name, d)
		}
	}
	return found, len(files.Names())
}

// probe looks at the gateway of NAME|GATEWAY.
func (a *app) probe(ctx context.Context, word, protocol string) (*doctor.Gateway, error) {
	t, err := a.target(word)
	if err != nil {
		return nil, err
	}
	address, proxy := t.gateway, ""
	if t.written != nil {
		r, _ := t.written.Resolve(host.CommonOptions())
		address, proxy = r.Values["gateway"], r.Values["proxy"]
	}
	if protocol == "" {
		protocol = t.protocol()
	}
	if err := checkGateway(address); err != nil {
		return nil, err
	}
	u, err := host.GatewayURL(address)
	if err != nil {
		return nil, err
	}
	if proxy != "" {
		return &doctor.Gateway{Name: u.Hostname(), Proxy: true}, nil
	}
	port, _ := strconv.Atoi(u.Port()) // checked above; 0: the protocol's own
	return doctor.Probe(ctx, u.Hostname(), port, protocol), nil
}

// diagnose prints a report; one with a failure is exit status 1.
func (a *app) diagnose(r doctor.Report, asJSON bool) error {
	if asJSON {
		e := json.NewEncoder(a.out.out)
		e.SetIndent("", "  ")
		if err := e.Encode(r); err != nil {
			return err
		}
	} else {
		a.printReport(r)
	}
	if r.Level == doctor.Fail {
		return exitWith(exitOther)
	}
	return nil
}

var colors = map[doctor.Level]string{doctor.OK: green, doctor.Warn: yellow, doctor.Fail: red}

// printReport prints a line for each finding, and what to do where there is something.
func (a *app) printReport(r doctor.Report) {
	color := a.outColor()
	for _, f := range r.Findings {
		a.out.say("%s  %-11s %s", paint(color, colors[f.Level], fmt.Sprintf("%-4s", f.Level)), f.Topic, ui.Line(f.Found))
		if f.Level == doctor.OK {
			continue
		}
		for _, more := range []struct{ head, text string }{{"why", f.Why}, {"do", f.Do}} {
			if more.text != "" {
				a.out.say("                  %-4s %s", more.head, ui.Line(more.text))
			}
		}
	}
	switch r.Level {
	case doctor.Fail:
		a.out.say("\nConnections will not work before what fails is put right.")
	case doctor.Warn:
		a.out.say("\nConnections can work; see the warnings.")
	default:
		a.out.say("\nEverything is in order.")
	}
}
