package cstp

import (
	"encoding/hex"
	"net/netip"
	"strconv"
	"strings"

	"github.com/penstock-vpn/penstock/plugins/internal/httpc"
)

// Request is what a client asks of the gateway for a tunnel.
type Request struct {
	Cookie    string
	Hostname  string       // of this computer
	Proof     httpc.Header // key binding; nil: none
	BaseMTU   int          // of the path, in bytes of an IP packet
	MTU       int          // wanted inside; 0: the gateway decides
	NoIPv6    bool
	Addresses []netip.Prefix // of the session so far, asked for again
	DTLS      *Offer         // nil: none
}

// Offer is what the client can do over DTLS.
type Offer struct {
	MasterSecret []byte // 48 bytes, for the resumption ways
	PSK          bool   // the TLS connection can export a key
	Suites       []Suite
}

// defaultBaseMTU is sent when the path's is unknown; minBaseMTU is IPv6's least.
const (
	defaultBaseMTU = 1406
	minBaseMTU     = 1280
)

// protocolText must be sent as it is: some gateways refuse a tunnel without it.
const protocolText = "Copyright (c) 2004 Cisco Systems, Inc."

// Header are the request's fields, in the order in which they go out.
func (r Request) Header() httpc.Header {
	h := httpc.Header{
		{Name: "Cookie", Value: "webvpn=" + r.Cookie},
		{Name: "X-CSTP-Version", Value: "1"},
		{Name: "X-CSTP-Hostname", Value: r.Hostname},
		{Name: "X-CSTP-Protocol", Value: protocolText},
	}
	h = append(h, r.Proof...)
	base := r.BaseMTU
	if base == 0 {
		base = defaultBaseMTU
	}
	h = append(h, httpc.Field{Name: "X-CSTP-Base-MTU", Value: strconv.Itoa(min(max(base, minBaseMTU), 65535))})
	if r.MTU > 0 {
		h = append(h, httpc.Field{Name: "X-CSTP-MTU", Value: strconv.Itoa(r.MTU)})
	}
	h = append(h, r.families()...)
	if r.DTLS != nil {
		h = append(h, r.DTLS.header()...)
	}
	return h
}

func (r Request) families() httpc.Header {
	kinds := "IPv6,IPv4"
	if r.NoIPv6 {
		kinds = "IPv4"
	}
	h := httpc.Header{{Name: "X-CSTP-Address-Type", Value: kinds}}
	for _, p := range r.Addresses {
		if p.Addr().Is4() || !r.NoIPv6 {
			h = append(h, httpc.Field{Name: "X-CSTP-Address", Value: p.Addr().String()})
		}
	}
	if !r.NoIPv6 {
		h = append(h, httpc.Field{Name: "X-CSTP-Full-IPv6-Capability", Value: "true"})
	}
	return h
}

func (o Offer) header() httpc.Header {
	var plain, twelve []string
	if o.PSK {
		plain = append(plain, pskNegotiate)
	}
	for _, s := range o.Suites {
		if s.Twelve {
			twelve = append(twelve, s.Name)
		} else {
			plain = append(plain, s.Name)
		}
	}
	h := httpc.Header{{Name: "X-DTLS-Master-Secret", Value: strings.ToUpper(hex.EncodeToString(o.MasterSecret))}}
	if len(plain) > 0 {
		h = append(h, httpc.Field{Name: "X-DTLS-CipherSuite", Value: strings.Join(plain, ":")})
	}
	if len(twelve) > 0 {
		h = append(h, httpc.Field{Name: "X-DTLS12-CipherSuite", Value: strings.Join(twelve, ":")})
	}
	return h
}
