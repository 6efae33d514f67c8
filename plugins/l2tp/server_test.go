package main

import (
	"bytes"

	"github.com/penstock-vpn/penstock/plugins/internal/ppp"
)

// server is a server of PPP that wants PAP and gives 10.0.0.2; it echoes packets of IPv4.
type server struct {
	password string
	began    bool
	agreed   chan struct{} // of an address
}

const (
	request, ack, nak, reject = 1, 2, 3, 4
	terminate, terminated     = 5, 6
	echo, echoed              = 9, 10

	pap  = 0xc023
	ipcp = 0x8021
	ipv4 = 0x0021
)

func control(protocol uint16, code, id byte, data []byte) []byte {
	n := len(data) + 4
	return ppp.AppendFrame(nil, protocol, append([]byte{code, id, byte(n >> 8), byte(n)}, data...))
}

// receive answers a frame.
func (s *server) receive(frame []byte) [][]byte {
	protocol, b, err := ppp.ParseFrame(frame)
	if err == nil && protocol == ipv4 {
		return [][]byte{ppp.AppendFrame(nil, protocol, b)}
	}
	if err != nil || len(b) < 4 {
		return nil
	}
	code, id, data := b[0], b[1], b[4:]
	switch {
	case protocol == ppp.ProtocolLCP && code == request:
		out := [][]byte{control(protocol, ack, id, data)}
		if !s.began {
			out = append(out, s.wish(1))
		}
		s.began = true
		return out
	case protocol == ppp.ProtocolLCP && code == nak:
		return [][]byte{s.wish(id + 1)} // nothing else will do
	case protocol == ppp.ProtocolLCP && code == terminate:
		return [][]byte{control(protocol, terminated, id, nil)}
	case protocol == ppp.ProtocolLCP && code == echo:
		return [][]byte{control(protocol, echoed, id, append([]byte("mage"), data[min(4, len(data)):]...))}
	case protocol == pap && bytes.HasSuffix(data, []byte(s.password)):
		return [][]byte{control(protocol, ack, id, []byte{0}), control(ipcp, request, 1, []byte{3, 6, 10, 0, 0, 1})}
	case protocol == pap:
		return [][]byte{control(protocol, nak, id, append([]byte{2}, "no"...))}
	case protocol == ipcp && code == request:
		return [][]byte{s.address(id, data)}
	}
	return nil
}

// anew has it begin with LCP again.
func (s *server) anew() []byte {
	s.began = true
	return s.wish(100)
}

// wish is for PAP.
func (s *server) wish(id byte) []byte {
	return control(ppp.ProtocolLCP, request, id, []byte("\x03\x04\xc0\x23\x05\x06mage"))
}

// address gives an address and a name server.
func (s *server) address(id byte, asked []byte) []byte {
	var rejected, better []byte
	for all := asked; len(all) >= 2 && int(all[1]) <= len(all) && all[1] >= 2; all = all[all[1]:] {
		switch o := all[:all[1]]; {
		case o[0] == 3 && !bytes.Equal(o[2:], []byte{10, 0, 0, 2}):
			better = append(better, 3, 6, 10, 0, 0, 2)
		case o[0] == 129 && !bytes.Equal(o[2:], []byte{10, 0, 0, 53}):
			better = append(better, 129, 6, 10, 0, 0, 53)
		case o[0] != 3 && o[0] != 129:
			rejected = append(rejected, o...)
		}
	}
	switch {
	case len(rejected) > 0:
		return control(ipcp, reject, id, rejected)
	case len(better) > 0:
		return control(ipcp, nak, id, better)
	}
	s.agreed <- struct{}{}
	return control(ipcp, ack, id, asked)
}
