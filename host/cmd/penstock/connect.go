package main

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/penstock-vpn/penstock/host"
	"github.com/penstock-vpn/penstock/host/internal/config"
	"github.com/penstock-vpn/penstock/host/internal/registry"
	"github.com/penstock-vpn/penstock/sdk/diag"
	"github.com/penstock-vpn/penstock/sdk/option"
	"github.com/penstock-vpn/penstock/sdk/secret"
)

// connectCommand reads its flags itself, in two passes: which flags there are
// depends on the protocol, and that on the connection.
//
//	scan      --protocol, --plugin-dir, --config, whatever else there is
//	pass 1    with the options of all plugins: find NAME or GATEWAY
//	pass 2    with the options of the protocol: everything
func (a *app) connectCommand() *cobra.Command {
	return &cobra.Command{
		Use:                "connect NAME|GATEWAY [--protocol P] [--username U] [--OPTION ...]",
		Short:              "Connect, and stay until the connection ends",
		DisableFlagParsing: true,
		ValidArgsFunction:  a.completeConnect,
		RunE: func(c *cobra.Command, args []string) error {
			return a.connect(c, args)
		},
	}
}

// connection is what the command line asks for.
type connection struct {
	flags   *connectFlags
	profile host.Profile
}

func (a *app) connect(cmd *cobra.Command, args []string) error {
	plugins, notes := a.scan(args)
	if err := missing(plugins, protocolIn(args)); err != nil {
		return err
	}
	first := unjudged(everyOption(plugins, protocolIn(args)))
	all, flags := a.newConnectFlags(first)
	all.SetOutput(a.out.out)
	if err := all.Parse(args); err != nil {
		return flagError(all, first, err)
	}
	a.setLevel()
	if flags.help {
		return a.connectHelp(cmd, plugins, flags.values["protocol"])
	}
	if all.NArg() != 1 {
		return usage(fmt.Sprintf("`penstock connect` takes one connection or gateway, not %d", all.NArg()), "usage: penstock "+cmd.Use)
	}
	t, err := a.target(all.Arg(0))
	if err != nil {
		return err
	}
	for _, d := range notes {
		d.Warning = true
		a.out.diagnostic(d)
	}
	c, err := a.resolve(t, flags.values["protocol"], plugins, args)
	if err != nil {
		return err
	}
	if c.flags.background && a.ready == nil {
		return a.launch(args)
	}
	return a.run(cmd.Context(), c)
}

// scan reads only what says which flags there are.
func (a *app) scan(args []string) (registry.Registry, []diag.Diagnostic) {
	f := pflag.NewFlagSet("scan", pflag.ContinueOnError)
	f.ParseErrorsAllowlist.UnknownFlags = true
	f.Usage = func() {}
	a.globalFlags(f)
	_ = f.Parse(args)
	f.VisitAll(func(flag *pflag.Flag) { flag.Changed = false })
	plugins, notes := a.plugins()
	a.pluginDirs, a.verbose = nil, 0 // pass 1 reads them again
	return plugins, notes
}

// protocolIn finds --protocol, whatever else the arguments are.
func protocolIn(args []string) string {
	for i, arg := range args {
		if value, ok := strings.CutPrefix(arg, "--protocol="); ok {
			return value
		}
		if arg == "--protocol" && i+1 < len(args) {
			return args[i+1]
		}
	}
	return ""
}

// missing tells of a plugin that is not there before flags that only it knows.
func missing(plugins registry.Registry, protocol string) error {
	if protocol == "" {
		return nil
	}
	_, err := plugins.Lookup(protocol)
	return err
}

// everyOption is the host's options and those of all plugins, each key once: as the
// protocol has it, if that is known.
func everyOption(plugins registry.Registry, protocol string) option.Schema {
	schema := host.CommonOptions()
	add := func(m registry.Manifest) {
		for _, o := range m.Options {
			if _, ok := schema.Find(o.Key); !ok {
				schema = append(schema, o)
			}
		}
	}
	if m, err := plugins.Lookup(protocol); err == nil {
		add(m)
	}
	for _, m := range plugins.All() {
		add(m)
	}
	return schema
}

// unjudged takes any value: protocols that share a key need not share what it takes, and
// pass 2 knows the protocol.
func unjudged(schema option.Schema) option.Schema {
	loose := slices.Clone(schema)
	for i, o := range loose {
		if o.Type != option.Bool {
			loose[i] = option.Option{Key: o.Key, Type: option.String, Label: o.Label, Help: o.Help, Secret: o.Secret}
		}
	}
	return loose
}

// resolve is pass 2: the profile by the protocol's schema.
func (a *app) resolve(t target, protocol string, plugins registry.Registry, args []string) (connection, error) {
	if protocol == "" {
		protocol = t.protocol()
	}
	if protocol == "" {
		protocol = only(plugins)
	}
	if protocol == "" {
		return connection{}, noProtocol(t, plugins)
	}
	manifest, err := plugins.Lookup(protocol)
	if err != nil {
		return connection{}, err
	}
	schema := append(host.CommonOptions(), manifest.Options...)
	a.pluginDirs, a.verbose = nil, 0
	f, flags := a.newConnectFlags(schema)
	if err := f.Parse(args); err != nil {
		return connection{}, flagError(f, schema, err)
	}
	a.setLevel()
	profile, err := a.profile(t, protocol, schema, flags)
	return connection{flags, profile}, err
}

// only is the protocol when a single one is installed.
func only(plugins registry.Registry) string {
	if all := plugins.All(); len(all) == 1 && len(all[0].Protocols) == 1 {
		return all[0].Protocols[0].Name
	}
	return ""
}

func noProtocol(t target, plugins registry.Registry) error {
	var names []string
	for _, m := range plugins.All() {
		for _, p := range m.Protocols {
			names = append(names, p.Name)
		}
	}
	if len(names) == 0 {
		_, err := plugins.Lookup("")
		return err
	}
	detail := "add --protocol with one of: " + strings.Join(names, ", ")
	return diag.New(diag.Config, "the protocol of "+t.word+" is not known", detail).With("protocol")
}

// profile puts file, credentials and flags together, the later before the earlier.
func (a *app) profile(t target, protocol string, schema option.Schema, flags *connectFlags) (host.Profile, error) {
	p := host.Profile{Name: t.name, Protocol: protocol, Options: option.Values{}, Secrets: map[string]secret.String{}, Source: "command line"}
	if flags.name != "" {
		p.Name = flags.name
	}
	credentials, err := config.Credentials(p.Name, schema)
	if err != nil {
		return p, err
	}
	maps.Copy(p.Secrets, credentials)
	if t.written != nil {
		p.Source = t.written.Source()
		r, found := t.written.Resolve(schema)
		if err := a.report(found); err != nil {
			return p, err
		}
		maps.Copy(p.Options, r.Values)
		maps.Copy(p.Secrets, r.Secrets)
	} else {
		p.Options["gateway"] = t.gateway
	}
	named, err := flags.readSecrets()
	if err != nil {
		return p, err
	}
	maps.Copy(p.Secrets, named)
	maps.Copy(p.Options, flags.values)
	p.Options["protocol"] = protocol
	var found []diag.Diagnostic
	p.Options, found = schema.Normalise(p.Options)
	if err := a.report(found); err != nil {
		return p, err
	}
	return p, checkGateway(p.Options["gateway"])
}

// report prints warnings and returns what is wrong.
func (a *app) report(found []diag.Diagnostic) error {
	errs, warnings := split(found)
	for _, w := range warnings {
		a.out.diagnostic(w)
	}
	if len(errs) > 0 {
		return errs
	}
	return nil
}
