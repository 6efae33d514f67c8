package auth

import (
	"context"
	"fmt"
	"strconv"
	"strings"

	"github.com/penstock-vpn/penstock/sdk/diag"
	"github.com/penstock-vpn/penstock/sdk/prompt"
)

// choose picks a gateway of the portal: the one that the user names, the one of the
// best priority, or the one that the user picks.
func (l *login) choose(ctx context.Context, p portal) (gateway, error) {
	if len(p.gateways) == 0 {
		return gateway{}, p.empty()
	}
	if l.cfg.Choice != "" {
		return p.named(l.cfg.Choice)
	}
	best := p.best(l.region)
	if len(p.gateways) == 1 || len(best) == 1 && !l.cfg.Ask {
		l.cfg.User.Info("Gateway: %s (%s).", best[0].label, best[0].address)
		return best[0], nil
	}
	return l.askGateway(ctx, p, best[0])
}

// named finds the gateway that a user means: by address, label, or a label's beginning.
func (p portal) named(choice string) (gateway, error) {
	var found []gateway
	for _, g := range p.gateways {
		host, _, _ := strings.Cut(g.address, ":")
		if strings.EqualFold(g.address, choice) || strings.EqualFold(host, choice) || strings.EqualFold(g.label, choice) {
			return g, nil
		}
		if len(g.label) >= len(choice) && strings.EqualFold(g.label[:len(choice)], choice) {
			found = append(found, g)
		}
	}
	if len(found) == 1 {
		return found[0], nil
	}
	return gateway{}, diag.New(diag.Config, "the portal has no gateway "+strconv.Quote(choice), "It lists: "+p.list()+".").With("authgroup")
}

// list names the gateways, as far as a sentence can.
func (p portal) list() string {
	var names []string
	for i, g := range p.gateways {
		if i == maxNamed {
			names = append(names, strconv.Itoa(len(p.gateways)-i)+" more")
			break
		}
		names = append(names, fmt.Sprintf("%.64s (%.64s)", g.label, g.address))
	}
	return strings.Join(names, ", ")
}

const maxNamed = 20

// best are the gateways of the best priority, in the portal's order.
func (p portal) best(region string) []gateway {
	var best []gateway
	least := 0
	for _, g := range p.gateways {
		n, found := g.priority(region)
		switch {
		case !found:
		case len(best) == 0 || n < least:
			best, least = []gateway{g}, n
		case n == least:
			best = append(best, g)
		}
	}
	if len(best) == 0 {
		return p.gateways
	}
	return best
}

func (l *login) askGateway(ctx context.Context, p portal, first gateway) (gateway, error) {
	field := prompt.Field{Name: "gateway", Label: "Gateway", Kind: prompt.ChoiceOf, Default: first.address, Option: "authgroup"}
	for _, g := range p.gateways {
		field.Choices = append(field.Choices, prompt.Choice{Value: g.address, Label: g.label})
	}
	values, err := l.ask(ctx, prompt.Prompt{Title: "Gateways of " + l.server.Hostname(), Form: &prompt.Form{ID: "gateway", Fields: []prompt.Field{field}}})
	if err != nil {
		return gateway{}, err
	}
	return p.named(values["gateway"])
}
