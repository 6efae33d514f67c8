package foreign

import (
	"encoding/hex"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"
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
	keeps    map[string]string              // secret of theirs: ours, which takes over its flags
	secrets  map[string]rule                // those that are no secrets of ours
	before   func(d *draft, secrets fields) // sees what is more than a key, first; nil: nothing is
	asks     map[string]string              // what may be asked and is kept as theirs: ours, theirs
	spare    []string                       // secrets of theirs that NetworkManager never keeps
}

// services are those that can be taken over, by the rest of their service type.
var services = map[string]service{
	"openconnect": openConnectService,
	"vpnc":        vpncService,
	"pptp":        pptpService,
	"l2tp":        l2tpService,
	"sstp":        sstpService,
	"strongswan":  strongSwanService,
}

// Services are the names of the services that can be taken over, without ServicePrefix.
func Services() []string { return slices.Sorted(maps.Keys(services)) }

// IsService says whether connections of a service type can be taken over.
func IsService(serviceType string) bool {
	name, ok := strings.CutPrefix(serviceType, ServicePrefix)
	_, known := services[name]
	return ok && known
}

// Translate tells a connection of another VPN plugin of NetworkManager in our
// options: its vpn.data and vpn.secrets.
func Translate(serviceType string, data, secrets map[string]string) (Connection, error) {
	return TakeOver(serviceType, data, secrets, func(string, string) bool { return false })
}

// TakeOver is Translate for a connection that may have options of ours beside its
// own, as own says of a protocol and a key. They count for more.
func TakeOver(serviceType string, data, secrets map[string]string, own func(protocol, key string) bool) (Connection, error) {
	s, known := services[strings.TrimPrefix(serviceType, ServicePrefix)]
	if !known {
		return Connection{}, fmt.Errorf("connections of %q cannot be taken over; those of %s can", printable(serviceType, 80),
			strings.Join(Services(), ", "))
	}
	d := newDraft("", s.protocol, fields{})
	maps.Copy(d.fields, data)
	hidden := fields{}
	maps.Copy(hidden, secrets)
	d.keeps = maps.Clone(s.keeps)
	if s.before != nil {
		s.before(d, hidden)
	}
	s.apply(d, d.fields, s.data)
	s.apply(d, hidden, s.secrets)
	d.keep(hidden)
	maps.Copy(d.Keys, s.asks)
	d.Spare = s.spare
	d.own(func(key string) bool { return own(d.Options["protocol"], key) }, hidden)
	for key, value := range hidden {
		d.fields.put(key, value)
	}
	return d.done(), nil
}

// keep takes the secrets that have a counterpart, and what is said of how they are kept.
func (d *draft) keep(secrets fields) {
	for theirs, ours := range d.keeps {
		d.Keys[ours] = theirs
		d.hide(ours, asKey(ours, secrets[theirs]))
		secrets.drop(theirs)
		if flags := d.fields.take(theirs + flagsSuffix); flags != "" {
			d.Flags[ours] = flags
		}
	}
}

// asKey writes a pre-shared key so that it stands for its own bytes.
func asKey(option, value string) string {
	isKey := option == "psk" || option == "group-password"
	if isKey && (strings.HasPrefix(value, "0x") || !utf8.ValidString(value)) {
		return "0x" + hex.EncodeToString([]byte(value))
	}
	return value
}

// own takes the options that are ours already. What flags are left are of those, of
// answers that are asked for, or of secrets that are named by themselves.
func (d *draft) own(ours func(key string) bool, secrets fields) {
	for _, key := range slices.Sorted(maps.Keys(d.fields)) {
		secret, isFlags := strings.CutSuffix(key, flagsSuffix)
		switch {
		case isFlags:
			if value := d.fields.take(key); d.keeps[secret] == "" && value != "" {
				d.Spoken[secret] = value
			}
		case ours(key):
			d.set(key, d.fields.take(key))
		}
	}
	for _, key := range slices.Sorted(maps.Keys(secrets)) {
		if ours(key) {
			d.hide(key, secrets[key])
			secrets.drop(key)
		}
	}
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

// when is the rule of a switch: yes sets an option.
func when(key, value string) rule {
	return func(d *draft, text string) {
		if isYes(text) {
			d.set(key, value)
		}
	}
}

func isYes(text string) bool { return text == "yes" || text == "true" || text == "1" }

// seconds is the rule of a time in seconds, 0 for none.
func seconds(key string) rule {
	return func(d *draft, value string) {
		if n, err := strconv.Atoi(strings.TrimSpace(value)); err == nil && n > 0 {
			d.set(key, strconv.Itoa(n)+"s")
		} else if err != nil {
			d.set(key, value)
		}
	}
}

// never is the rule of a switch that makes the connection another one than any of ours.
func never(key, why string) rule {
	return func(d *draft, text string) {
		if isYes(text) {
			d.refuse(key, why)
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
