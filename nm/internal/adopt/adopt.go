// Package adopt tells a connection that was made for another VPN plugin of
// NetworkManager as one of ours, and where that plugin keeps what people answer: an
// agent has it there, and the other plugin finds it there when it serves again.
package adopt

import (
	"github.com/penstock-vpn/penstock/host/foreign"
	"github.com/penstock-vpn/penstock/nm/internal/ask"
	"github.com/penstock-vpn/penstock/sdk/option"
)

// Connection is one of ours; of another plugin's it says also what it was.
type Connection struct {
	Data    map[string]string // vpn.data: options, and flags of secrets and answers
	Secrets map[string]string // vpn.secrets
	Adopted bool              // it is another plugin's
	Notes   []string          // what has no counterpart
	Refused string            // why it cannot be one of ours, "" when it can
	Session bool              // agents are asked for SessionKeys

	keys  map[string]string // the other plugin's key of an option
	spare []string          // secrets of the other plugin that NetworkManager never keeps
}

// Of reads a connection of a service type. One that no other plugin's is ours.
func Of(serviceType string, data, secrets map[string]string, schemaOf func(protocol string) (option.Schema, error)) (Connection, error) {
	if !foreign.IsService(serviceType) {
		return Connection{Data: data, Secrets: secrets}, nil
	}
	var schema option.Schema
	f, err := foreign.TakeOver(serviceType, data, secrets, func(protocol, key string) bool {
		if schema == nil {
			schema, _ = schemaOf(protocol) // without its plugin nothing is ours, and Connect says so
		}
		_, ours := schema.Find(key)
		return ours
	})
	if err != nil {
		return Connection{}, err
	}
	c := Connection{Data: f.Options, Secrets: map[string]string{}, Adopted: true, Notes: f.Notes, Refused: f.Refused, keys: f.Keys}
	for key, value := range f.Secrets {
		c.Secrets[key] = value.Reveal()
	}
	for key, flags := range f.Flags {
		c.Data[key+ask.FlagsSuffix] = flags
	}
	for key, flags := range f.Spoken { // of a key of ours, by which agents know it then
		c.Data[key+ask.FlagsSuffix] = flags
		delete(c.keys, key)
	}
	for _, key := range f.Spare {
		delete(c.Data, key+ask.FlagsSuffix) // it is about a session, not about the option of that name
		if flags, _ := ask.FlagsOf(data, key); flags&ask.NotSaved != 0 {
			c.spare = append(c.spare, key)
		}
	}
	c.Session = len(f.Spare) > 0 && c.wantsSession(data, secrets)
	return c, nil
}

// SessionKeys are the secrets of a session that somebody has logged in to.
var SessionKeys = []string{"cookie", "gateway", "gwcert"}

// wantsSession says whether the agent is to have a chance to log in, as it does for
// NetworkManager-openconnect: nothing is there to log in with here. An agent that leaves
// it to us answers with the gateway alone.
func (c Connection) wantsSession(data, secrets map[string]string) bool {
	flags, _ := ask.FlagsOf(data, "cookie")
	_, isKept := ask.FlagsOf(data, "password")
	return flags&ask.NotRequired == 0 && !isKept && secrets["cookie"] == "" && secrets["gateway"] == "" &&
		c.Secrets["password"] == "" && c.Data["usercert"] == ""
}

// Key is where agents have the value of an option or the answer to a question.
func (c Connection) Key(ours string) string {
	if theirs := c.keys[ours]; theirs != "" {
		return theirs
	}
	return ours
}

// Rename gives a question the keys that agents have. A secret of which the connection
// does not say how it is kept would be written to its file: the other plugin's
// secrets of one session carry it.
func (c Connection) Rename(q *ask.Question) {
	spare := c.spare
	q.Rename(func(ours string, secret bool) string {
		_, known := ask.FlagsOf(c.Data, ours)
		key := c.Key(ours)
		if key == ours && secret && !known && len(spare) > 0 {
			key, spare = spare[0], spare[1:]
		}
		return key
	})
}
