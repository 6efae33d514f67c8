package sdk

import (
	"context"
	"errors"
	"time"

	"github.com/penstock-vpn/penstock/sdk/diag"
	"github.com/penstock-vpn/penstock/sdk/pluginpb"
)

// TLSOptions of OpenTLS.
type TLSOptions struct {
	ServerName        string // SNI and verified name; empty: the host
	ALPN              []string
	ClientCertificate bool // present the user's, if the server asks
	AllowLegacy       bool // TLS 1.0 and 1.1, RSA key exchange
}

// DTLSOptions of OpenDTLS. Exactly one of PSK and MasterSecret is set.
type DTLSOptions struct {
	SessionID    []byte // ClientHello.session_id, at most 32 bytes
	PSK          *PSK
	MasterSecret []byte // 48 bytes: resumes a session agreed on elsewhere
	CipherSuites []string
	Timeout      time.Duration // of the handshake; 0: the host's default
}

// PSK is RFC 4279 with Key, or with keying material exported from a TLS transport.
type PSK struct {
	Identity     string
	Key          []byte
	ExporterOf   *Transport
	ExporterName string // label, no context, 32 bytes
}

const exportedKey = 32 // bytes of a PSK made by an exporter

// OpenTCP connects to host:port.
func (s *Session) OpenTCP(ctx context.Context, host string, port int) (*Transport, error) {
	return s.open(ctx, kindTCP, &pluginpb.Open{Host: host, Port: uint32(port),
		Kind: &pluginpb.Open_Tcp{Tcp: &pluginpb.Tcp{}}})
}

// OpenTLS is a TLS connection that ends in the host; the Transport is its plaintext.
func (s *Session) OpenTLS(ctx context.Context, host string, port int, o TLSOptions) (*Transport, error) {
	tls := &pluginpb.Tls{ServerName: o.ServerName, Alpn: o.ALPN, ClientCertificate: o.ClientCertificate, AllowLegacy: o.AllowLegacy}
	return s.open(ctx, kindTLS, &pluginpb.Open{Host: host, Port: uint32(port), Kind: &pluginpb.Open_Tls{Tls: tls}})
}

// OpenUDP is a connected UDP socket: one Write, one datagram.
func (s *Session) OpenUDP(ctx context.Context, host string, port int) (*Transport, error) {
	return s.open(ctx, kindUDP, &pluginpb.Open{Host: host, Port: uint32(port),
		Kind: &pluginpb.Open_Udp{Udp: &pluginpb.Udp{}}})
}

// IP protocols of OpenRaw.
const (
	ProtocolGRE = 47
	ProtocolESP = 50
)

// OpenRaw is packets of an IP protocol of their own, ProtocolGRE or ProtocolESP, to and
// from host: one Write, one packet, without the IP header.
func (s *Session) OpenRaw(ctx context.Context, host string, protocol int) (*Transport, error) {
	return s.open(ctx, kindRaw, &pluginpb.Open{Host: host,
		Kind: &pluginpb.Open_Raw{Raw: &pluginpb.Raw{Protocol: uint32(protocol)}}})
}

// OpenDTLS is a DTLS 1.2 association. It has no plaintext: it can only be attached.
func (s *Session) OpenDTLS(ctx context.Context, host string, port int, o DTLSOptions) (*Transport, error) {
	dtls, err := o.message()
	if err != nil {
		return nil, err
	}
	return s.open(ctx, kindDTLS, &pluginpb.Open{Host: host, Port: uint32(port),
		TimeoutMs: milliseconds(o.Timeout), Kind: &pluginpb.Open_Dtls{Dtls: dtls}})
}

func (o DTLSOptions) message() (*pluginpb.Dtls, error) {
	m := &pluginpb.Dtls{SessionId: o.SessionID, CipherSuites: o.CipherSuites}
	switch {
	case (o.PSK == nil) == (len(o.MasterSecret) == 0):
		return nil, diag.Newf(diag.Invalid, "dtls takes either a pre-shared key or a master secret")
	case o.PSK == nil:
		m.Secret = &pluginpb.Dtls_Resumption{Resumption: &pluginpb.Resumption{MasterSecret: o.MasterSecret}}
	case o.PSK.ExporterOf != nil:
		from := &pluginpb.Exporter{Transport: o.PSK.ExporterOf.id, Label: o.PSK.ExporterName, Length: exportedKey}
		m.Secret = &pluginpb.Dtls_Psk{Psk: &pluginpb.Psk{Identity: o.PSK.Identity, Key: &pluginpb.Psk_Exporter{Exporter: from}}}
	default:
		m.Secret = &pluginpb.Dtls_Psk{Psk: &pluginpb.Psk{Identity: o.PSK.Identity, Key: &pluginpb.Psk_Raw{Raw: o.PSK.Key}}}
	}
	return m, nil
}

// open numbers the transport, asks, and waits for the answer and the descriptor,
// which come in either order.
func (s *Session) open(ctx context.Context, kind string, o *pluginpb.Open) (*Transport, error) {
	if deadline, ok := ctx.Deadline(); ok && o.TimeoutMs == 0 {
		o.TimeoutMs = milliseconds(max(time.Until(deadline), time.Millisecond))
	}
	var err error
	if o.Transport, err = s.fds.expect(kind != kindDTLS); err != nil {
		return nil, err
	}
	defer s.fds.forget(o.Transport)
	reply, err := s.stream.call(ctx, &pluginpb.FromPlugin{Message: &pluginpb.FromPlugin_Open{Open: o}})
	if err != nil {
		return nil, s.openFailed(o.Transport, err)
	}
	opened := reply.GetOpened()
	if opened == nil {
		return nil, unexpected(reply)
	}
	t := &Transport{session: s, id: o.Transport, kind: kind}
	if t.info, err = infoOf(opened); err != nil {
		return nil, s.openFailed(o.Transport, err)
	}
	if kind != kindDTLS {
		if t.conn, err = s.fds.take(ctx, s.stream.ctx, o.Transport); err != nil {
			return nil, s.openFailed(o.Transport, err)
		}
	}
	s.keep(t)
	return t, nil
}

// openFailed takes the question back unless it was the host that refused.
func (s *Session) openFailed(id uint32, err error) error {
	var refused *diag.Diagnostic
	if !errors.As(err, &refused) {
		_ = s.stream.say(closing(id))
	}
	return err
}

func closing(id uint32) *pluginpb.FromPlugin {
	return &pluginpb.FromPlugin{Message: &pluginpb.FromPlugin_Close{Close: &pluginpb.Close{Transport: id}}}
}

// milliseconds of the wire; what does not fit is the largest value.
func milliseconds(d time.Duration) uint32 {
	return uint32(min(max(d.Milliseconds(), 0), 1<<32-1))
}

// keep makes the session close t when it ends.
func (s *Session) keep(t *Transport) {
	s.mu.Lock()
	s.transports[t] = struct{}{}
	s.mu.Unlock()
}

func (s *Session) drop(t *Transport) {
	s.mu.Lock()
	delete(s.transports, t)
	s.mu.Unlock()
}

// release closes what the plugin left open.
func (s *Session) release() {
	s.mu.Lock()
	left := s.transports
	s.transports = map[*Transport]struct{}{}
	s.mu.Unlock()
	for t := range left {
		t.abandon()
	}
}
