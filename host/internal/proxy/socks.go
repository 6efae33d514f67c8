package proxy

import (
	"encoding/binary"
	"errors"
	"io"
	"net/netip"
)

// Of RFC 1928 and RFC 1929.
const (
	socksVersion = 5

	methodNone     = 0
	methodPassword = 2
	methodRefused  = 0xff

	passwordVersion = 1
	passwordRight   = 0
	passwordWrong   = 1

	commandConnect = 1
	commandUDP     = 3

	kindIPv4 = 1
	kindName = 3
	kindIPv6 = 4
)

// socksReply is the code of an answer.
type socksReply byte

const (
	replyDone         socksReply = 0
	replyFailed       socksReply = 1
	replyNotAllowed   socksReply = 2
	replyNetwork      socksReply = 3 // unreachable
	replyHost         socksReply = 4 // unreachable
	replyRefused      socksReply = 5
	replyExpired      socksReply = 6
	replyNoCommand    socksReply = 7
	replyNoSuchFamily socksReply = 8
)

const socks4Version = 4

// socks4Refusal is what SOCKS4 has for no: code 91, and nothing more.
var socks4Refusal = []byte{0, 91, 0, 0, 0, 0, 0, 0}

var (
	errSocks  = errors.New("it does not speak SOCKS5")
	errFamily = errors.New("a kind of address that SOCKS5 does not have")
)

// endpoint is a host, by name or address, and a port.
type endpoint struct {
	host string
	port uint16
}

// readMethods reads the methods that a client offers, after the version. They are
// 255 at most.
func readMethods(r io.Reader) ([]byte, error) {
	return readCounted(r)
}

// readCounted reads a byte and as many bytes as it says.
func readCounted(r io.Reader) ([]byte, error) {
	var n [1]byte
	if _, err := io.ReadFull(r, n[:]); err != nil {
		return nil, err
	}
	b := make([]byte, n[0])
	_, err := io.ReadFull(r, b)
	return b, err
}

// readPassword reads a user name and a password (RFC 1929).
func readPassword(r io.Reader) (user, password []byte, err error) {
	var version [1]byte
	if _, err := io.ReadFull(r, version[:]); err != nil {
		return nil, nil, err
	}
	if version[0] != passwordVersion {
		return nil, nil, errSocks
	}
	if user, err = readCounted(r); err != nil {
		return nil, nil, err
	}
	password, err = readCounted(r)
	return user, password, err
}

// readRequest reads what a client asks for.
func readRequest(r io.Reader) (command byte, to endpoint, err error) {
	var head [3]byte
	if _, err := io.ReadFull(r, head[:]); err != nil {
		return 0, to, err
	}
	if head[0] != socksVersion {
		return 0, to, errSocks
	}
	to, err = readEndpoint(r)
	return head[1], to, err
}

func readEndpoint(r io.Reader) (to endpoint, err error) {
	var kind [1]byte
	if _, err := io.ReadFull(r, kind[:]); err != nil {
		return to, err
	}
	var b []byte
	switch kind[0] {
	case kindIPv4:
		b = make([]byte, 4)
		_, err = io.ReadFull(r, b)
	case kindIPv6:
		b = make([]byte, 16)
		_, err = io.ReadFull(r, b)
	case kindName:
		b, err = readCounted(r)
	default:
		err = errFamily
	}
	if err != nil {
		return to, err
	}
	if to.host = string(b); kind[0] != kindName {
		a, _ := netip.AddrFromSlice(b)
		to.host = a.Unmap().String()
	}
	var port [2]byte
	_, err = io.ReadFull(r, port[:])
	to.port = binary.BigEndian.Uint16(port[:])
	return to, err
}

// appendAddress appends an address and port as readEndpoint reads them.
func appendAddress(b []byte, a netip.AddrPort) []byte {
	if ip := a.Addr().Unmap(); ip.Is6() {
		b = append(append(b, kindIPv6), ip.AsSlice()...)
	} else {
		four := ip
		if !ip.IsValid() {
			four = netip.IPv4Unspecified()
		}
		b = append(append(b, kindIPv4), four.AsSlice()...)
	}
	return binary.BigEndian.AppendUint16(b, a.Port())
}

// appendReply appends an answer to a request; bound is where it is answered from.
func appendReply(b []byte, code socksReply, bound netip.AddrPort) []byte {
	return appendAddress(append(b, socksVersion, byte(code), 0), bound)
}
