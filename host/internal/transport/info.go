package transport

import (
	"crypto/x509"
	"net"
	"net/netip"
)

// Info is what is known of an open transport.
type Info struct {
	Kind     string // "tcp", "tls", "udp", "dtls", "raw"
	Local    netip.AddrPort
	Remote   netip.AddrPort // the proxy's, when there is one
	TLS      *TLSInfo       // tls only
	Cipher   string         // tls and dtls: IANA name
	PathMTU  int            // bytes of an IP packet that leaves whole; 0: unknown
	Overhead int            // bytes around a frame: IP, TCP or UDP if any, record
}

// TLSInfo is the outcome of a TLS handshake.
type TLSInfo struct {
	Version       string              // "TLS 1.3"
	Cipher        string              // IANA name
	PeerChain     []*x509.Certificate // as the gateway sent it, leaf first
	Unique        []byte              // RFC 5929 tls-unique up to TLS 1.2, RFC 9266 tls-exporter after
	CertRequested bool                // the gateway asked for a client certificate
	CertSent      bool                // and got one
}

// addrPort is a's address without the IPv4-in-IPv6 form, or zero.
func addrPort(a net.Addr) netip.AddrPort {
	var ap netip.AddrPort
	switch a := a.(type) {
	case *net.TCPAddr:
		ap = a.AddrPort()
	case *net.UDPAddr:
		ap = a.AddrPort()
	case *net.IPAddr:
		addr, _ := netip.AddrFromSlice(a.IP)
		ap = netip.AddrPortFrom(addr, 0)
	}
	return netip.AddrPortFrom(ap.Addr().Unmap(), ap.Port())
}

// ipHeader is the size of an IP header without options, in bytes.
func ipHeader(a netip.Addr) int {
	if a.Unmap().Is4() {
		return 20
	}
	return 40
}
