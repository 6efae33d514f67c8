package main

import (
	"fmt"
	"os"
	"strings"

	"github.com/spf13/pflag"

	"github.com/penstock-vpn/penstock/host/internal/config"
	"github.com/penstock-vpn/penstock/sdk/option"
	"github.com/penstock-vpn/penstock/sdk/secret"
)

// connectFlags are what `penstock connect` takes beside the options of a schema.
type connectFlags struct {
	name          string
	passwordStdin bool
	nonInter      bool
	background    bool
	pidFile       string
	dumpHTTP      bool
	trace         string
	traceSecrets  bool
	scriptTun     bool
	proxyListen   string
	proxyAuth     string
	help          bool

	values  option.Values     // from flags of the schema
	secrets map[string]string // paths of files, by option key
}

// aliases are OpenConnect's names for our flags.
var aliases = map[string]string{
	"cafile": "cacert", "certificate": "usercert", "sslkey": "userkey", "user": "username",
	"passwd-on-stdin": "password-stdin", "dump-http-traffic": "dump-http", "dump-ike": "dump-http", "non-interactive": "non-inter",
}

// shorthands are OpenConnect's letters.
var shorthands = map[string]string{"username": "u", "usercert": "c", "userkey": "k", "interface": "i", "script": "s", "mtu": "m", "proxy": "P"}

// newConnectFlags makes the flags of a connection whose options are schema.
func (a *app) newConnectFlags(schema option.Schema) (*pflag.FlagSet, *connectFlags) {
	f := pflag.NewFlagSet("connect", pflag.ContinueOnError)
	f.SortFlags = false
	f.SetNormalizeFunc(func(_ *pflag.FlagSet, name string) pflag.NormalizedName {
		if to, ok := aliases[name]; ok {
			name = to
		}
		return pflag.NormalizedName(name)
	})
	c := &connectFlags{values: option.Values{}, secrets: map[string]string{}}
	f.StringVar(&c.name, "name", "", "`NAME` of the connection for status and disconnect")
	f.BoolVar(&c.passwordStdin, "password-stdin", false, "read passwords and codes from standard input, a line each")
	f.BoolVar(&c.nonInter, "non-inter", false, "never ask anybody")
	f.BoolVarP(&c.background, "background", "b", false, "go to the background when connected")
	f.StringVar(&c.pidFile, "pid-file", "", "write the process id to this `FILE` when connected")
	f.BoolVarP(&c.scriptTun, "script-tun", "S", false, "give packets to the program that --script names, in place of a TUN device; needs no root")
	f.StringVar(&c.proxyListen, "proxy-listen", "", "be a SOCKS5 and HTTP proxy at this `ADDRESS:PORT` that leads into the tunnel, in place of a TUN device; needs no root")
	f.StringVar(&c.proxyAuth, "proxy-auth-file", "", "with --proxy-listen: clients must know the USER:PASSWORD in the first line of this `FILE`")
	f.BoolVar(&c.dumpHTTP, "dump-http", false, "show the conversation with the gateway, without secrets")
	f.StringVar(&c.trace, "trace", "", "record packets and the conversation with the gateway in this new `FILE` for Wireshark (pcapng)")
	f.BoolVar(&c.traceSecrets, "trace-secrets", false, "with --trace: leave passwords in it, and add the keys of TLS")
	f.BoolVarP(&c.help, "help", "h", false, "show this help")
	a.globalFlags(f)
	for _, o := range schema {
		c.add(f, o)
	}
	return f, c
}

// rootless refuses what a proxy in place of a device has no use for.
func (c *connectFlags) rootless() error {
	if c.scriptTun {
		return usage("--script-tun and --proxy-listen each stand for the TUN device", "leave one of them out")
	}
	for _, key := range []string{"script", "interface"} {
		if c.values[key] != "" {
			return usage("--"+key+" has no meaning with --proxy-listen", "there is no TUN device, and nothing of the machine is set up: leave it out")
		}
	}
	return nil
}

// add makes the flags of one option: --KEY, for a switch --no-KEY too, and for a
// secret only --KEY-file.
func (c *connectFlags) add(f *pflag.FlagSet, o option.Option) {
	if o.Secret {
		if f.Lookup(o.Key+"-file") == nil {
			f.Var(&secretFlag{c, o.Key}, o.Key+"-file", fmt.Sprintf("read the %s from the first line of this `FILE`", strings.ToLower(o.Label)))
		}
		return
	}
	if f.Lookup(o.Key) != nil {
		return // ours, or another protocol's of the same name
	}
	flag := f.VarPF(&optionFlag{c, o, ""}, o.Key, shorthands[o.Key], helpOf(o))
	if o.Type != option.Bool {
		return
	}
	flag.NoOptDefVal = "true"
	if strings.HasPrefix(o.Key, "no-") || f.Lookup("no-"+o.Key) != nil {
		return
	}
	negative := f.VarPF(&optionFlag{c, o, "false"}, "no-"+o.Key, "", "turn off: "+plainHelp(o))
	negative.NoOptDefVal = "true"
	flag.Hidden = o.Default == "true" // help shows the one that changes something
	negative.Hidden = !flag.Hidden
}

// optionFlag is the flag of an option that is no secret.
type optionFlag struct {
	to     *connectFlags
	option option.Option
	fixed  string // of --no-KEY: what it means
}

// Set implements pflag.Value; the error is ours, complete.
func (v *optionFlag) Set(text string) error {
	if v.fixed != "" {
		if text != "true" {
			return fmt.Errorf("it takes no value")
		}
		text = v.fixed
	}
	text, err := v.option.Normalise(text)
	if err != nil {
		return err
	}
	if v.option.Type == option.File {
		text = absolute(text)
	}
	if before := v.to.values[v.option.Key]; v.option.Type == option.List && before != "" {
		text = before + "," + text
	}
	v.to.values[v.option.Key] = text
	return nil
}

// Type implements pflag.Value: the word for the value in help.
func (v *optionFlag) Type() string {
	switch v.option.Type {
	case option.Bool:
		return "bool"
	case option.Int:
		return "N"
	case option.Duration:
		return "TIME"
	case option.File:
		return "FILE"
	}
	return "TEXT"
}

// String implements pflag.Value: no default is shown beside the one in the help.
func (v *optionFlag) String() string { return "" }

// secretFlag is the flag with the path of a secret's file.
type secretFlag struct {
	to  *connectFlags
	key string
}

func (v *secretFlag) Set(path string) error {
	if path == "" {
		return fmt.Errorf("a path is missing")
	}
	v.to.secrets[v.key] = absolute(path)
	return nil
}

func (v *secretFlag) Type() string   { return "FILE" }
func (v *secretFlag) String() string { return "" }

// absolute resolves a path against the working folder, which the host leaves.
func absolute(path string) string {
	here, err := os.Getwd()
	if err != nil {
		return path
	}
	return config.Absolute(here, path)
}

// readSecrets reads the files that flags named.
func (c *connectFlags) readSecrets() (map[string]secret.String, error) {
	all := map[string]secret.String{}
	for key, path := range c.secrets {
		s, err := config.ReadSecret(path)
		if err != nil {
			return nil, err
		}
		all[key] = s
	}
	return all, nil
}

// plainHelp is the option's help as part of a line; pflag takes `x` for the value's word.
func plainHelp(o option.Option) string {
	return strings.TrimSuffix(strings.ReplaceAll(o.Help, "`", "'"), ".")
}

func helpOf(o option.Option) string {
	help := plainHelp(o)
	if len(o.Choices) > 0 {
		help += " (" + strings.Join(o.Choices, ", ") + ")"
	}
	if o.Default != "" {
		help += " (default " + o.Default + ")"
	}
	return help
}
