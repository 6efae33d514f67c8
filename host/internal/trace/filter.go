package trace

import (
	"encoding/binary"
	"net/netip"

	"golang.org/x/net/bpf"
)

// Where things stand in packets that begin with the IP header, in bytes.
const (
	source4, destination4 = 12, 16
	source6, destination6 = 8, 24
	protocol4, protocol6  = 9, 6
	header4, header6      = 20, 40 // without options
	icmpHeader            = 8
)

const (
	etherIPv4, etherIPv6 = 0x0800, 0x86dd
	icmp, icmp6          = 1, 58
	unreachable4         = 3 // what ICMP says of a packet that is too large, too
	tooBig6              = 2
)

var (
	accept = bpf.RetConstant{Val: maxPacket}
	reject = bpf.RetConstant{Val: 0}
)

// filter is a program of the kernel's that takes packets to and from addresses, and
// the messages of routers on those that did not arrive.
func filter(addresses []netip.Addr) []bpf.Instruction {
	var v4, v6, quoted4, quoted6 []bpf.Instruction
	for _, a := range addresses {
		if a.Is4() {
			v4 = append(append(v4, is(a, source4)...), is(a, destination4)...)
			quoted4 = append(quoted4, is(a, header4+icmpHeader+destination4)...)
		} else {
			v6 = append(append(v6, is(a, source6)...), is(a, destination6)...)
			quoted6 = append(quoted6, is(a, header6+icmpHeader+destination6)...)
		}
	}
	v4 = append(append(v4, message(protocol4, icmp, header4, unreachable4)...), append(quoted4, reject)...)
	v6 = append(append(v6, message(protocol6, icmp6, header6, tooBig6)...), append(quoted6, reject)...)
	program := []bpf.Instruction{
		bpf.LoadExtension{Num: bpf.ExtProto},
		bpf.JumpIf{Cond: bpf.JumpEqual, Val: etherIPv4, SkipTrue: 1},
		bpf.Jump{Skip: uint32(len(v4))},
	}
	program = append(program, v4...)
	program = append(program, bpf.JumpIf{Cond: bpf.JumpEqual, Val: etherIPv6, SkipTrue: 1}, reject)
	return append(program, v6...)
}

// is accepts a packet that has a at that place, and goes on with another.
func is(a netip.Addr, at uint32) []bpf.Instruction {
	var b []bpf.Instruction
	words := a.AsSlice()
	for i := 0; i < len(words); i += 4 {
		left := len(words)/4 - i/4 // words that are not compared yet
		b = append(b, bpf.LoadAbsolute{Off: at + uint32(i), Size: 4},
			bpf.JumpIf{Cond: bpf.JumpNotEqual, Val: binary.BigEndian.Uint32(words[i:]), SkipTrue: uint8(2*(left-1) + 1)})
	}
	return append(b, accept)
}

// message rejects what is no ICMP, or of another type.
func message(at, protocol, after, kind uint32) []bpf.Instruction {
	return []bpf.Instruction{
		bpf.LoadAbsolute{Off: at, Size: 1}, bpf.JumpIf{Cond: bpf.JumpEqual, Val: protocol, SkipTrue: 1}, reject,
		bpf.LoadAbsolute{Off: after, Size: 1}, bpf.JumpIf{Cond: bpf.JumpEqual, Val: kind, SkipTrue: 1}, reject,
	}
}
