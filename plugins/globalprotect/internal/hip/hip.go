// Package hip tells a gateway about this computer when it wants to know: a check says
// whether it does, by a token that stays as long as user and computer are the same, and
// a report follows, from the user's program or of what is known here.
package hip

import (
	"context"
	"crypto/md5" // #nosec -- the protocol's; it is a name, not a proof
	"encoding/hex"
	"net/netip"
	"strings"
	"time"

	"github.com/penstock-vpn/penstock/plugins/globalprotect/internal/form"
	"github.com/penstock-vpn/penstock/plugins/globalprotect/internal/gp"
	"github.com/penstock-vpn/penstock/plugins/internal/httpc"
	"github.com/penstock-vpn/penstock/sdk/diag"
	"github.com/penstock-vpn/penstock/sdk/prompt"
)

// WrapperOption names the user's program.
const WrapperOption = "csd-wrapper"

// programTime is what a program may take; some look through the whole machine.
const programTime = 5 * time.Minute

// Check is one conversation about the host.
type Check struct {
	Session   gp.Session
	Identity  gp.Identity
	Addresses []netip.Prefix // of the tunnel
	Wrapper   bool           // the user names a program
	HTTP      *httpc.Client
	User      gp.User
	// BeforeAsk is called before the program is asked for; nil: nothing to do.
	BeforeAsk func() error
	Now       func() time.Time
}

// Run asks whether a report is wanted and sends it; true: it was sent.
func (c Check) Run(ctx context.Context) (bool, error) {
	answer, err := gp.Do(ctx, c.HTTP, c.Session.Gateway, gp.HIPCheck, c.fields().With("md5", c.token()))
	if err != nil {
		return false, err
	}
	needed := ""
	if answer.Root != nil {
		needed = answer.Root.Value("hip-report-needed")
	}
	switch strings.ToLower(needed) {
	case "no":
		return false, nil
	case "yes":
	default:
		return false, diag.New(diag.Protocol, "the gateway does not say whether it wants a report about this computer", "See --dump-http.")
	}
	report, err := c.report(ctx)
	if err != nil {
		return false, err
	}
	if _, err := gp.Do(ctx, c.HTTP, c.Session.Gateway, gp.HIPReport, c.fields().With("report", report)); err != nil {
		d := diag.Of(err)
		return false, diag.New(d.Code, "the gateway did not take the report about this computer: "+d.Summary, "What it wants in a report its administrator knows; a program of yours can make one, see the option csd-wrapper.").With(WrapperOption)
	}
	c.User.Debug("Sent a report about this computer.")
	return true, nil
}

// fields are those of both requests.
func (c Check) fields() form.Fields {
	f := append(form.Fields{{Name: "client-role", Value: "global-protect-full"}}, c.Session.Cookie...)
	v4, v6 := c.addresses()
	return f.With("client-ip", v4).With("client-ipv6", v6)
}

// addresses are the tunnel's, "" where there is none.
func (c Check) addresses() (v4, v6 string) {
	for _, p := range c.Addresses {
		if p.Addr().Is4() {
			v4 = p.Addr().String()
		} else {
			v6 = p.Addr().String()
		}
	}
	return v4, v6
}

// token names user and computer.
func (c Check) token() string {
	stays := c.Session.Cookie.Without(gp.AuthCookie, gp.PreferredIP, gp.PreferredIPv6)
	sum := md5.Sum([]byte(stays.Encode()))
	return hex.EncodeToString(sum[:])
}

func (c Check) report(ctx context.Context) (string, error) {
	if !c.Wrapper {
		return c.minimal(), nil
	}
	if c.BeforeAsk != nil {
		if err := c.BeforeAsk(); err != nil {
			return "", err
		}
	}
	v4, v6 := c.addresses()
	// The program gets no key to the session: it has no use for it, and arguments are
	// for everybody to see.
	args := []string{"--cookie", c.Session.Cookie.Without(gp.AuthCookie).Encode()}
	for _, a := range [][2]string{{"--client-ip", v4}, {"--client-ipv6", v6}, {"--md5", c.token()}, {"--client-os", c.Identity.OS}} {
		if a[1] != "" {
			args = append(args, a[0], a[1])
		}
	}
	answer, err := c.User.Ask(ctx, prompt.Prompt{Title: "Report about this computer", Program: &prompt.Program{
		Option: WrapperOption, Args: args, Env: [][2]string{{"APP_VERSION", c.Session.Version(c.Identity)}}, Timeout: programTime,
	}})
	switch {
	case err != nil:
		return "", err
	case answer.Cancelled:
		return c.minimal(), nil
	case answer.Values["exit_status"] != "0":
		return "", diag.New(diag.Config, "the program that reports about this computer failed with exit status "+answer.Values["exit_status"], "It is the one that the option csd-wrapper names.").With(WrapperOption)
	case strings.TrimSpace(answer.Values["stdout"]) == "":
		return "", diag.New(diag.Config, "the program that reports about this computer wrote nothing", "It is the one that the option csd-wrapper names.").With(WrapperOption)
	}
	return answer.Values["stdout"], nil
}
