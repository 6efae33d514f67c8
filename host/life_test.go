package host

import (
	"slices"
	"testing"

	"github.com/penstock-vpn/penstock/sdk/option"
	"github.com/penstock-vpn/penstock/sdk/secret"
)

// A plugin is told by name which secrets have a value, and no secret's value.
func TestFirstMessageHoldsNoSecret(t *testing.T) {
	schema := option.Schema{{Key: "username"}, {Key: "password", Secret: true}, {Key: "cookie", Secret: true}, {Key: "otp", Secret: true}}
	c := &connection{
		schema:  schema,
		options: option.Values{"username": "alice", "otp": "Osmium"},
		profile: Profile{Secrets: map[string]secret.String{"cookie": secret.New("Argon"), "password": secret.New(""), "unknown": secret.New("Xenon")}},
	}
	for _, resume := range []bool{false, true} {
		m := c.firstMessage(resume)
		start := m.GetStart()
		if resume {
			start = m.GetResume().GetStart()
		}
		if !slices.Equal(start.GetStored(), []string{"cookie"}) || len(start.GetOptions()) != 1 || start.GetOptions()["username"] != "alice" {
			t.Errorf("resume %v: %v", resume, start)
		}
	}
}
