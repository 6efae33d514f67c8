package sdk

import (
	"context"
	"fmt"
	"net/netip"
	"time"

	"github.com/penstock-vpn/penstock/sdk/pluginpb"
)

// NetConfig is whole: what an earlier one had and this one lacks is removed.
type NetConfig struct {
	Addresses     []netip.Prefix
	MTU           int            // what the gateway allows inside; 0: the host computes it
	Routes        []netip.Prefix // into the tunnel; 0.0.0.0/0 and ::/0 for all
	Excludes      []netip.Prefix
	DNS           []netip.Addr
	Search        []string
	SplitDNS      []string
	NBNS          []netip.Addr
	Banner        string
	ProxyPAC      string
	Expires       time.Time
	IdleTimeout   time.Duration
	ScriptOptions [][2]string // the gateway's headers in order, for scripts
}

// Configure puts the network settings in force; a later one replaces them whole.
func (s *Session) Configure(ctx context.Context, c NetConfig) error {
	return s.stream.order(ctx, &pluginpb.FromPlugin{Message: &pluginpb.FromPlugin_Config{Config: c.message()}})
}

func (c NetConfig) message() *pluginpb.NetConfig {
	m := &pluginpb.NetConfig{
		Addresses: words(c.Addresses), Mtu: uint32(max(c.MTU, 0)),
		Routes: words(c.Routes), Excludes: words(c.Excludes),
		Dns: words(c.DNS), Search: c.Search, SplitDns: c.SplitDNS, Nbns: words(c.NBNS),
		Banner: c.Banner, ProxyPac: c.ProxyPAC,
		IdleTimeoutS: uint32(max(c.IdleTimeout, 0) / time.Second),
	}
	if !c.Expires.IsZero() {
		m.ExpiresUnix = c.Expires.Unix()
	}
	for _, pair := range c.ScriptOptions {
		m.ScriptOptions = append(m.ScriptOptions, &pluginpb.Pair{Key: pair[0], Value: pair[1]})
	}
	return m
}

func words[T fmt.Stringer](values []T) []string {
	out := make([]string, len(values))
	for i, v := range values {
		out[i] = v.String()
	}
	return out
}
