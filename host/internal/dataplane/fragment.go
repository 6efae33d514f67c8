package dataplane

import (
	"fmt"

	"github.com/penstock-vpn/penstock/host/internal/mtu"
)

// Packets in fragments: IPv6 needs 1280 bytes inside, and a path may carry less. There is
// no smaller device then. What does not fit goes in fragments outside (RFC 2473 section
// 7.1); TCP is told of a size that does fit.

// cut has packets go in fragments, on a path of ESP that may, whose whole ones are of this
// size at most; false: it may not. The caller holds plane.mu.
func (x *path) cut(whole mtu.Inner) bool {
	t := x.tunnel()
	if t == nil || !t.fragment || whole < mtu.MinIPv4 || x.whole == 0 && !t.Fragment() {
		return false
	}
	x.whole, x.inner = whole, x.plane.least
	return true
}

// carries is the largest packet that goes whole; 0: unknown. The caller holds plane.mu.
func (x *path) carries() mtu.Inner {
	if x.whole > 0 {
		return x.whole
	}
	return x.inner
}

// cutNews tells of cut. The caller holds plane.mu.
func (x *path) cutNews() Event {
	return Event{Kind: MTU, Path: x.id, MTU: int(x.inner), Reason: fmt.Sprintf("the network carries packets of %d bytes inside the tunnel; larger ones go in fragments", x.whole)}
}
