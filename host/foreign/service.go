package foreign

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// ServicePrefix is what service types of NetworkManager's VPN plugins begin with.
const ServicePrefix = "org.freedesktop.NetworkManager."

// flagsSuffix after a secret's key is the key of its NetworkManager flags.
const flagsSuffix = "-flags"

// rule says what becomes of one key; the value is in the draft's fields no more.
type rule func(d *draft, value string)

// service maps the keys of one VPN plugin of NetworkManager.
type service struct {
	protocol string
	data     map[string]rule
	secrets  map[string]rule
	before   func(d *draft, secrets fields) // sees what is more than a key, first; nil: nothing is
	flags    map[string]string              // secret of theirs: ours, which takes over its flags
}

// services are those that can be taken over, by the rest of their service type.
var services = map[string]service{
	"openconnect": openConnectService,
}

// Translate tells a connection of another VPN plugin of NetworkManager in our
// options: its vpn.data and vpn.secrets.
func Translate(serviceType string, data, secrets map[string]string) (Connection, error) {
	s, known := services[strings.TrimPrefix(serviceType, ServicePrefix)]
	if !known {
		return Connection{}, fmt.Errorf("connections of %q cannot be taken over; those of %s can", printable(serviceType, 80),
			strings.Join(slices.Sorted(maps.Keys(services)), ", "))
	}
	d := newDraft("", s.protocol, maps.Clone(fields(data)))
	hidden := maps.Clone(fields(secrets))
	if d.fields == nil {
		d.fields = fields{}
	}
	if s.before != nil {
		s.before(d, hidden)
	}
	s.apply(d, d.fields, s.data)
	s.apply(d, hidden, s.secrets)
	for theirs, ours := range s.flags {
		if flags := d.fields.take(theirs + flagsSuffix); flags != "" {
			d.Flags[ours] = flags
		}
	}
	for key := range d.fields {
		if strings.HasSuffix(key, flagsSuffix) {
			d.fields.drop(key) // of a secret that is named by itself when it is there
		}
	}
	for key, value := range hidden {
		d.fields.put(key, value)
	}
	return d.done(), nil
}

func (s service) apply(d *draft, from fields, rules map[string]rule) {
	for _, key := range slices.Sorted(maps.Keys(from)) {
		if r, ok := rules[key]; ok {
			value := from[key]
			from.drop(key)
			r(d, value)
		}
	}
}

// to is the rule of a key that has a counterpart with the same values.
func to(key string) rule { return func(d *draft, value string) { d.set(key, value) } }

// toSecret is the rule of a secret with a counterpart.
func toSecret(key string) rule { return func(d *draft, value string) { d.hide(key, value) } }

// when is the rule of a switch: yes sets an option.
func when(key, value string) rule {
	return func(d *draft, text string) {
		if text == "yes" || text == "true" || text == "1" {
			d.set(key, value)
		}
	}
}

// unless is the rule of a key that matters only with another value than those.
func unless(key, why string, harmless ...string) rule {
	return func(d *draft, value string) {
		if value = strings.TrimSpace(value); value != "" && !slices.Contains(harmless, value) {
			d.note("%s: %s", key, why)
		}
	}
}

// nothing is the rule of what only the other program needs.
func nothing(*draft, string) {}
