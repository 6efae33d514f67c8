package nm

import (
	"strings"

	"github.com/penstock-vpn/penstock/host"
	"github.com/penstock-vpn/penstock/nm/internal/ask"
	"github.com/penstock-vpn/penstock/sdk/diag"
	"github.com/penstock-vpn/penstock/sdk/option"
	"github.com/penstock-vpn/penstock/sdk/secret"
)

// profile checks the connection against the options of its protocol.
func (r *request) profile(schemaOf func(protocol string) (option.Schema, error)) (host.Profile, error) {
	if r.adopted.Refused != "" {
		return host.Profile{}, diag.New(diag.Config, "the connection cannot be taken over", r.adopted.Refused)
	}
	schema, err := r.schema(schemaOf)
	if err != nil {
		return host.Profile{}, err
	}
	p := host.Profile{
		Name: r.name(), Protocol: r.data["protocol"], Source: "NetworkManager connection " + r.id,
		Options: option.Values{}, Secrets: map[string]secret.String{},
	}
	for key, value := range r.data {
		if !strings.HasSuffix(key, ask.FlagsSuffix) {
			p.Options[key] = value
		}
	}
	if p.Options["script"] != "" {
		return p, diag.New(diag.Config, "the option script has no place in a NetworkManager connection",
			"NetworkManager sets addresses, routes and DNS itself; remove it").With("script")
	}
	values, found := schema.Normalise(p.Options)
	for i := range found {
		if !found[i].Warning {
			return p, &found[i]
		}
	}
	p.Options = values
	for _, o := range schema {
		if s, ok := r.secrets[o.Key]; ok && o.Secret {
			p.Secrets[o.Key] = s
		}
	}
	return p, nil
}

// explained says where the option at fault is to be set: the connection has another
// plugin's keys, and takes ours beside them.
func (r *request) explained(err error, schemaOf func(protocol string) (option.Schema, error)) error {
	d := diag.Of(err)
	if d == nil || !r.adopted.Adopted || d.Option == "" {
		return err
	}
	schema, _ := r.schema(schemaOf)
	value := "VALUE"
	switch o, _ := schema.Find(d.Option); {
	case o.Secret: // which has no place there
		return err
	case o.Type == option.Bool && o.Default != "true":
		value = "true"
	}
	told := *d
	told.Detail = strings.TrimSpace(d.Detail + " This connection takes options of penstock beside its own: " + r.modify(d.Option, value))
	return &told
}

// modify is the command that gives the connection an option.
func (r *request) modify(key, value string) string {
	return "nmcli connection modify " + quote(r.id) + " +vpn.data " + key + "=" + value
}

func (r *request) schema(schemaOf func(string) (option.Schema, error)) (option.Schema, error) {
	if r.data["protocol"] == "" {
		return nil, diag.New(diag.Config, "the option protocol is missing", "add protocol=NAME; `penstock plugin list` names them").With("protocol")
	}
	return schemaOf(r.data["protocol"])
}

const maxName = 64 // of control sockets

// name is the connection's id in the letters that a control socket's name may have;
// where that changes it, a part of the UUID keeps it unique.
func (r *request) name() string {
	plain := strings.Map(func(c rune) rune {
		switch {
		case c >= 'a' && c <= 'z', c >= 'A' && c <= 'Z', c >= '0' && c <= '9', c == '-', c == '_', c == '.':
			return c
		}
		return '_'
	}, r.id)
	if plain == r.id && len(plain) <= maxName && strings.Trim(plain, ".") != "" {
		return plain
	}
	tail, _, _ := strings.Cut(r.uuid, "-")
	return "nm-" + strings.Trim(plain[:min(len(plain), maxName-16)], ".") + "-" + hexOnly(tail)
}

func hexOnly(s string) string {
	return strings.Map(func(c rune) rune {
		if strings.ContainsRune("0123456789abcdef", c) {
			return c
		}
		return -1
	}, s[:min(len(s), 8)])
}
