package nm

import (
	"github.com/penstock-vpn/penstock/nm/internal/ask"
	"github.com/penstock-vpn/penstock/sdk/option"
)

// needSecrets says whether an agent must be asked before the connection begins: a
// secret that the connection's flags leave to agents is not there. What has no flags
// is asked for when the gateway does. A connection that is wrong needs none; Connect
// tells what is wrong with it.
func (r *request) needSecrets(schemaOf func(string) (option.Schema, error)) bool {
	schema, err := r.schema(schemaOf)
	if err != nil {
		return false
	}
	if r.adopted.Session {
		return true
	}
	for _, o := range schema {
		if f, _ := ask.FlagsOf(r.data, o.Key); !o.Secret || !f.ByAgent() {
			continue
		}
		if s, ok := r.secrets[o.Key]; !ok || s.Empty() {
			return true
		}
	}
	return false
}
