package sdk

import (
	"crypto/x509"
	"fmt"
	"net"
	"net/netip"

	"github.com/penstock-vpn/penstock/sdk/pluginpb"
)

// Info is what the host knows of a transport.
type Info struct {
	Local, Remote  netip.AddrPort
	TLSVersion     string // "TLS 1.3"
	Cipher         string // IANA name
	PeerChain      []*x509.Certificate
	ChannelBinding []byte // RFC 5929 tls-unique up to TLS 1.2, RFC 9266 tls-exporter after
	CertRequested  bool
	CertSent       bool
	PathMTU        int // bytes of an IP packet that leaves whole; 0: unknown
	Overhead       int // bytes around a frame: IP, UDP or TCP, record
}

// infoOf reads Opened. Addresses may be missing, when a proxy hides them.
func infoOf(o *pluginpb.Opened) (Info, error) {
	i := Info{Cipher: o.GetCipher(), PathMTU: int(o.GetPathMtu()), Overhead: int(o.GetOverhead())}
	i.Local, _ = netip.ParseAddrPort(o.GetLocal())
	i.Remote, _ = netip.ParseAddrPort(o.GetRemote())
	tls := o.GetTls()
	if tls == nil {
		return i, nil
	}
	if tls.GetCipher() != "" {
		i.Cipher = tls.GetCipher()
	}
	i.TLSVersion, i.ChannelBinding = tls.GetVersion(), tls.GetUnique()
	i.CertRequested, i.CertSent = tls.GetClientCertificateRequested(), tls.GetClientCertificateSent()
	for _, der := range tls.GetPeerChain() {
		cert, err := x509.ParseCertificate(der)
		if err != nil {
			return Info{}, fmt.Errorf("the gateway's certificate as the host gave it: %w", err)
		}
		i.PeerChain = append(i.PeerChain, cert)
	}
	return i, nil
}

func (t *Transport) addr(a netip.AddrPort) net.Addr {
	switch t.kind {
	case kindUDP, kindDTLS:
		return net.UDPAddrFromAddrPort(a)
	case kindRaw:
		return &net.IPAddr{IP: a.Addr().AsSlice(), Zone: a.Addr().Zone()}
	}
	return net.TCPAddrFromAddrPort(a)
}
