package auth

import (
	"strings"
	"testing"

	"github.com/penstock-vpn/penstock/plugins/internal/aggregate"
	"github.com/penstock-vpn/penstock/sdk/diag"
	"github.com/penstock-vpn/penstock/sdk/prompt"
)

// grouped is userForm with a list of groups of which one is selected.
func grouped(selected string) string {
	list := `<select name="group_list" label="GROUP:">`
	for _, g := range []string{`staff">Staff network`, `guests" second-auth="1" secondary_username="bob">Guests`, `certs" noaaa="1">Certificates only`} {
		mark := ""
		if strings.HasPrefix(g, selected+`"`) {
			mark = `selected="true" `
		}
		list += `<option ` + mark + `value="` + g + `</option>`
	}
	list += `</select><input type="text" second-auth="1" name="secondary_username" label="Second user"/><input type="password" second-auth="1" name="secondary_password" label="Second password"/>`
	return strings.Replace(userForm, `<input type="submit"`, list+`<input type="submit"`, 1)
}

func TestGroupIsAskedFor(t *testing.T) {
	s := newStage(t, "https://vpn.test/", map[string][]string{"group_list": {"guests"}, "username": {"alice"}, "password": {"secret"}, "secondary_password": {"two"}},
		turn{body: grouped("staff")},
		turn{body: grouped("guests"), check: has(`type="init"`, "<group-select>guests</group-select>")},
		turn{body: success, check: has("<username>alice</username>", "<secondary_username>bob</secondary_username><secondary_password>two</secondary_password>", "</auth><group-select>guests</group-select>")})
	s.mustLogin(t)
	f := s.person.prompts[0].Form.Fields[0]
	if f.Kind != prompt.ChoiceOf || f.Option != "authgroup" || f.Default != "staff" || len(f.Choices) != 3 || f.Choices[0].Label != "Staff network" {
		t.Errorf("asked %+v", f)
	}
	if len(s.person.prompts) != 2 || len(s.person.prompts[1].Form.Fields) != 3 {
		t.Errorf("asked %+v", s.person.prompts)
	}
}

func TestGroupByOption(t *testing.T) {
	for name, wanted := range map[string]string{"value": "staff", "label": "staff NETWORK", "beginning": "Sta"} {
		s := newStage(t, "https://vpn.test/", map[string][]string{"username": {"alice"}, "password": {"secret"}},
			turn{body: grouped("staff")},
			turn{body: success, check: has("<secondary_password></secondary_password>", "<group-select>staff</group-select>")})
		s.config.Group = wanted
		s.mustLogin(t)
		if len(s.person.prompts) != 1 {
			t.Errorf("%s: asked %+v", name, s.person.prompts)
		}
	}
	s := newStage(t, "https://vpn.test/", nil, turn{body: grouped("staff")})
	s.config.Group = "nobody"
	if _, err := s.login(t); diag.Of(err).Code != diag.Config || diag.Of(err).Option != "authgroup" || !strings.Contains(err.Error(), "staff, guests, certs") {
		t.Errorf("got %v", err)
	}
}

func TestGroupByPathWhereTheGatewayKnowsNone(t *testing.T) {
	s := newStage(t, "https://vpn.test/staff", map[string][]string{"username": {"alice"}, "password": {"secret"}},
		turn{status: 404},
		turn{body: grouped("guests")},
		turn{body: grouped("staff"), check: has(`type="init"`, "<group-select>staff</group-select>")},
		turn{body: success, check: has("<group-select>staff</group-select>")})
	s.mustLogin(t)
	if want := "POST vpn.test /"; s.gateway.said[1] != want {
		t.Errorf("said %q, want %q after the 404", s.gateway.said, want)
	}
}

func TestGroupByScript(t *testing.T) {
	s := newStage(t, "https://vpn.test/", nil,
		turn{body: grouped("staff")},
		turn{body: grouped("certs"), check: has("<group-select>certs</group-select>")},
		turn{body: success, check: has("<username></username><password></password>")})
	s.config.Entries = []aggregate.Entry{{Form: "main", Field: "group_list", Value: "certs"}}
	s.mustLogin(t) // nobody is asked: the group does without user names
}

func TestGroupThatTheGatewayDoesNotList(t *testing.T) {
	s := newStage(t, "https://vpn.test/", map[string][]string{"username": {"alice"}, "password": {"secret"}},
		turn{body: userForm},
		turn{body: userForm, check: has("<group-select>hidden</group-select>")},
		turn{body: success})
	s.config.Group = "hidden"
	s.mustLogin(t)
}

// A gateway that does not follow the choice of a group is not asked for ever.
func TestGroupIsNotChosenForEver(t *testing.T) {
	s := newStage(t, "https://vpn.test/", map[string][]string{"username": {"alice"}, "password": {"secret"}},
		turn{body: grouped("staff")}, turn{body: grouped("staff")},
		turn{body: success, check: has("<group-select>certs</group-select>")})
	s.config.Group = "certs"
	s.mustLogin(t)
}
