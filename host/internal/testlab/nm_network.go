package testlab

import (
	"fmt"

	"github.com/vishvananda/netlink"
)

// Network is what the client's cable leads to: Wi-Fi at home, say, or at work.
type Network struct {
	Client string // an address that is free for the client
	Router string
}

// The networks that there are. The client begins at Home.
var (
	Home = Network{ClientV4, GatewayV4}
	Work = Network{"10.79.0.2", "10.79.0.1"}
)

// Move takes the cable from one network to another, whose addresses are all of IPv4.
// Nobody is left there who knew the former.
func (l *Lab) Move(from, to Network) error {
	link, err := l.Gateway.link.LinkByName(outside)
	if err != nil {
		return err
	}
	former, err := netlink.ParseAddr(from.Router + "/24")
	if err != nil {
		return err
	}
	if err := l.Gateway.link.AddrDel(link, former); err != nil {
		return fmt.Errorf("%s of the former network: %w", former, err)
	}
	return l.Gateway.address(outside, to.Router+"/24")
}
