package trace

import (
	"encoding/binary"
	"net/netip"
	"time"
)

// Blocks of a pcapng file (draft-ietf-opsawg-pcapng), in this machine's byte order. Each
// appends to b and returns it.

const (
	sectionHeader      = 0x0a0d0d0a
	interfaceBlock     = 1
	nameBlock          = 4
	statisticsBlock    = 5
	packetBlock        = 6
	secretsBlock       = 10
	byteOrderMagic     = 0x1a2b3c4d
	tlsKeyLog          = 0x544c534b // secrets that are lines of SSLKEYLOGFILE
	nanoseconds        = 9          // of if_tsresol: 10^-9 s
	optEnd             = 0
	optComment         = 1
	optName            = 2 // of an interface
	optDescription     = 3 // of an interface
	optApplication     = 4 // of a section
	optResolution      = 9 // of an interface
	optFlags           = 2 // of a packet: its direction
	optReceived        = 4 // of statistics
	optDropped         = 5 // of statistics
	inbound            = 1
	outbound           = 2
	maxComment         = 1000 // bytes
	nameIPv4, nameIPv6 = 1, 2
)

var order = binary.NativeEndian

// open appends the beginning of a block, seal its end: its length stands on both sides.
func open(b []byte, kind uint32) []byte {
	return order.AppendUint32(order.AppendUint32(b, kind), 0)
}

func seal(b []byte, start int) []byte {
	size := uint32(len(b) - start + 4)
	order.PutUint32(b[start+4:], size)
	return order.AppendUint32(b, size)
}

// pad fills up to four bytes what begins at start.
func pad(b []byte, start int) []byte {
	for (len(b)-start)%4 != 0 {
		b = append(b, 0)
	}
	return b
}

func option[T string | []byte](b []byte, code int, value T) []byte {
	b = order.AppendUint16(b, uint16(code))
	b = order.AppendUint16(b, uint16(len(value)))
	start := len(b)
	return pad(append(b, value...), start)
}

func appendSection(b []byte, application string) []byte {
	start := len(b)
	b = order.AppendUint32(open(b, sectionHeader), byteOrderMagic)
	b = order.AppendUint16(order.AppendUint16(b, 1), 0) // version 1.0
	b = order.AppendUint64(b, ^uint64(0))               // of a length that is not known yet
	b = option(b, optApplication, application)
	return seal(option(b, optEnd, ""), start)
}

func appendInterface(b []byte, linkType uint16, name, description string) []byte {
	start := len(b)
	b = order.AppendUint16(order.AppendUint16(open(b, interfaceBlock), linkType), 0)
	b = order.AppendUint32(b, 0) // packets are whole
	b = option(b, optName, name)
	b = option(b, optDescription, description)
	b = option(b, optResolution, []byte{nanoseconds})
	return seal(option(b, optEnd, ""), start)
}

func appendTime(b []byte, at time.Time) []byte {
	n := uint64(at.UnixNano())
	return order.AppendUint32(order.AppendUint32(b, uint32(n>>32)), uint32(n))
}

// appendPacket has a comment for people, or "".
func appendPacket(b []byte, from Interface, at time.Time, flags uint32, data []byte, comment string) []byte {
	start := len(b)
	b = appendTime(order.AppendUint32(open(b, packetBlock), uint32(from)), at)
	b = order.AppendUint32(order.AppendUint32(b, uint32(len(data))), uint32(len(data)))
	b = pad(append(b, data...), start)
	if comment != "" {
		b = option(b, optComment, comment[:min(len(comment), maxComment)])
	}
	b = option(b, optFlags, order.AppendUint32(nil, flags))
	return seal(option(b, optEnd, ""), start)
}

func appendStatistics(b []byte, of Interface, at time.Time, received, dropped uint64) []byte {
	start := len(b)
	b = appendTime(order.AppendUint32(open(b, statisticsBlock), uint32(of)), at)
	b = option(b, optReceived, order.AppendUint64(nil, received))
	b = option(b, optDropped, order.AppendUint64(nil, dropped))
	return seal(option(b, optEnd, ""), start)
}

// appendName says what the machine of an address is called.
func appendName(b []byte, addr netip.Addr, name string) []byte {
	start := len(b)
	kind := nameIPv4
	if addr.Is6() {
		kind = nameIPv6
	}
	b = option(open(b, nameBlock), kind, append(append(addr.AsSlice(), name...), 0))
	b = option(b, optEnd, "") // of the names
	return seal(b, start)
}

// appendSecrets holds lines of a key log: they have to come before what they open.
func appendSecrets(b, lines []byte) []byte {
	start := len(b)
	b = order.AppendUint32(open(b, secretsBlock), tlsKeyLog)
	b = order.AppendUint32(b, uint32(len(lines)))
	return seal(pad(append(b, lines...), start), start)
}
