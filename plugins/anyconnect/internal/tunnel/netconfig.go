package tunnel

import (
	"time"

	"github.com/penstock-vpn/penstock/plugins/anyconnect/internal/cstp"
	"github.com/penstock-vpn/penstock/sdk"
)

// netConfig is what the gateway granted, as the host wants it. The MTU is set later.
func netConfig(c cstp.Config, now time.Time) sdk.NetConfig {
	n := sdk.NetConfig{
		Addresses: c.Addresses, Routes: c.Routes(), Excludes: c.Excludes,
		DNS: c.DNS, NBNS: c.NBNS, Search: c.Search, SplitDNS: c.SplitDNS,
		Banner: c.Banner, ProxyPAC: c.ProxyPAC, IdleTimeout: c.IdleTimeout,
		ScriptOptions: c.Options,
	}
	if c.TunnelAllDNS {
		n.SplitDNS = nil
	}
	if c.Lifetime > 0 {
		n.Expires = now.Add(c.Lifetime)
	}
	return n
}

// innerMTU is the largest packet inside, as gateway, user and path allow it.
func (l *life) innerMTU() int {
	mtu := cstp.Config{MTU: l.s.MTU, DTLS: l.s.DTLS}.InnerMTU(l.wantsDTLS() && !l.dtls.givenUp())
	for _, limit := range []int{l.n.opt.MTU, l.pathMTU} {
		if limit > 0 && limit < mtu {
			mtu = limit
		}
	}
	return mtu
}
