package nm

import (
	"slices"
	"strings"

	"github.com/godbus/dbus/v5"

	"github.com/penstock-vpn/penstock/nm/internal/adopt"
	"github.com/penstock-vpn/penstock/sdk/diag"
	"github.com/penstock-vpn/penstock/sdk/option"
	"github.com/penstock-vpn/penstock/sdk/secret"
)

// settings is a connection as NetworkManager sends it, a{sa{sv}}: setting, key, value.
type settings = map[string]map[string]dbus.Variant

// Bounds of a connection. NetworkManager passes on what users wrote.
const (
	maxEntries = 512
	maxKey     = 128
	maxValue   = 64 << 10
)

// request is what the service needs of a connection.
type request struct {
	id, uuid string
	data     map[string]string        // vpn.data, with the -flags
	secrets  map[string]secret.String // vpn.secrets
	given    map[string]secret.String // vpn.secrets as they came, by the keys that agents have
	adopted  adopt.Connection         // what data and secrets were before
	user     string                   // whose agent answered, "" when none was asked
	owner    string                   // the user that the connection is for alone, "" when for all

	never4, never6 bool // the user wants no default route
}

// parseRequest checks the form of a connection; what the options mean is the schema's.
// One that was made for another VPN plugin becomes one of ours.
func parseRequest(s settings, schemaOf func(protocol string) (option.Schema, error)) (request, error) {
	r := request{
		id: text(s["connection"]["id"]), uuid: text(s["connection"]["uuid"]), user: text(s["vpn"]["user-name"]),
		owner:  onlyUser(s["connection"]["permissions"]),
		never4: truth(s["ipv4"]["never-default"]), never6: truth(s["ipv6"]["never-default"]),
	}
	data, err := entries(s["vpn"]["data"], "vpn.data")
	if err != nil {
		return r, err
	}
	secrets, err := entries(s["vpn"]["secrets"], "vpn.secrets")
	if err != nil {
		return r, err
	}
	r.adopted, err = adopt.Of(text(s["vpn"]["service-type"]), data, secrets, schemaOf)
	r.data, r.secrets, r.given = r.adopted.Data, hidden(r.adopted.Secrets), hidden(secrets)
	return r, err
}

func hidden(plain map[string]string) map[string]secret.String {
	all := map[string]secret.String{}
	for key, value := range plain {
		all[key] = secret.New(value)
	}
	return all
}

func text(v dbus.Variant) string {
	s, _ := v.Value().(string)
	return s[:min(len(s), maxKey)]
}

func truth(v dbus.Variant) bool {
	b, _ := v.Value().(bool)
	return b
}

// entries reads an a{ss}; a missing one is empty.
func entries(v dbus.Variant, name string) (map[string]string, error) {
	if v.Value() == nil {
		return map[string]string{}, nil
	}
	m, ok := v.Value().(map[string]string)
	if !ok {
		return nil, diag.Newf(diag.Invalid, "%s has the type %s in place of a{ss}", name, v.Signature())
	}
	if len(m) > maxEntries {
		return nil, diag.Newf(diag.Invalid, "%s has %d entries, at most %d are allowed", name, len(m), maxEntries)
	}
	for key, value := range m {
		if len(key) > maxKey || len(value) > maxValue {
			return nil, diag.Newf(diag.Invalid, "%s has an entry of more than %d bytes: %.40q", name, maxValue, key)
		}
	}
	return m, nil
}

// onlyUser reads connection.permissions, "user:NAME:" each.
func onlyUser(v dbus.Variant) string {
	list, _ := v.Value().([]string)
	var users []string
	for _, p := range list {
		if name, ok := strings.CutPrefix(p, "user:"); ok {
			name, _, _ = strings.Cut(name, ":")
			users = append(users, name)
		}
	}
	slices.Sort(users)
	if users = slices.Compact(users); len(users) == 0 {
		return ""
	}
	return users[0]
}
