// Package mtu is the arithmetic of packet sizes, with the two sizes as two types.
//
//	|<---------------------------- Wire ---------------------------->|
//	| IP | UDP or TCP | record header | frame header | packet  | tag |
//	|<----------- a part of the overhead ----------->|<-Inner->|<-…->|
//
// Inner counts an IP packet inside the tunnel: the MTU of the TUN device.
// Wire counts the IP packet that carries it to the gateway: the path MTU.
// Overhead is their difference: everything around the inner packet.
package mtu

// Inner is the size of an IP packet inside the tunnel, in bytes.
type Inner int

// Wire is the size of an IP packet on the way to the gateway, in bytes.
type Wire int

const (
	// MinIPv4 is what a tunnel with IPv4 alone must carry: every host accepts
	// datagrams of this size (RFC 791 3.1).
	MinIPv4 Inner = 576
	// MinIPv6 is what a link with IPv6 on it must carry (RFC 8200 5). Linux takes
	// the IPv6 addresses off a device with less.
	MinIPv6 Inner = 1280
	// Max is the largest IP packet.
	Max Inner = 65535
)

// Min returns the least MTU of a tunnel, with or without IPv6 inside.
func Min(ipv6 bool) Inner {
	if ipv6 {
		return MinIPv6
	}
	return MinIPv4
}

// Inner returns what fits inside a packet of w bytes; it may be negative.
func (w Wire) Inner(overhead int) Inner { return Inner(int(w) - overhead) }

// Wire returns what i grows to on the way to the gateway.
func (i Inner) Wire(overhead int) Wire { return Wire(int(i) + overhead) }

// Choose returns the MTU of a tunnel over a path of this MTU: what fits, but no
// more than the gateway allows. An unknown path or gateway limit is 0; with
// neither, the result is Max. It is never below min, because a tunnel with less
// cannot work: the caller that sends datagrams compares it with Fits.
func Choose(path Wire, overhead int, gateway, min Inner) Inner {
	m := Max
	if gateway > 0 && gateway < m {
		m = gateway
	}
	if path > 0 && path.Inner(overhead) < m {
		m = path.Inner(overhead)
	}
	if m < min {
		return min
	}
	return m
}

// Fits says whether a packet of i bytes passes a path of this MTU; an unknown path is 0.
func Fits(i Inner, path Wire, overhead int) bool {
	return path <= 0 || i.Wire(overhead) <= path
}

// plateaus are path MTUs found in practice, falling: RFC 1191 7.1, and those of
// PPPoE, tunnels and mobile networks that came after it.
var plateaus = [...]Wire{
	65535, 32000, 17914, 9000, 8166, 4352, 2002, 1500, 1492, 1480, 1472, 1460, 1440,
	1420, 1400, 1380, 1358, 1320, 1280, 1006, 508, 296, 68,
}

// Lower guesses the MTU of a path that has just refused a packet of size refused:
// the next plateau below it, 68 at least.
func Lower(refused Wire) Wire {
	for _, p := range plateaus {
		if p < refused {
			return p
		}
	}
	return plateaus[len(plateaus)-1]
}
