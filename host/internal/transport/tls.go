package transport

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"strings"

	"github.com/penstock-vpn/penstock/sdk/diag"
)

// TLSOptions of OpenTLS.
type TLSOptions struct {
	ServerName        string // SNI and verified name; "": the host
	ALPN              []string
	ClientCertificate bool // present the user's, if the gateway asks
	AllowLegacy       bool // TLS 1.0 and 1.1, RSA key exchange, 3DES
}

// OpenTLS connects to host:port and checks the certificate. What the certificate
// lacks is a diagnostic that names the pin which would accept it. When the user is
// asked and accepts, the gateway is dialled again, because it may have hung up
// meanwhile; ctx must allow for that.
func (d *Dialer) OpenTLS(ctx context.Context, host string, port int, o TLSOptions) (*Stream, error) {
	check, err := d.newVerifier(host, o.ServerName)
	if err != nil {
		return nil, err
	}
	s, err := d.tryTLS(ctx, host, port, o, check)
	var refused *refusal
	if !errors.As(err, &refused) {
		return s, err
	}
	if err := d.confirm(ctx, host, refused); err != nil {
		return nil, err
	}
	if s, err = d.tryTLS(ctx, host, port, o, check); errors.As(err, &refused) {
		return nil, refused.Diagnostic // another certificate than a moment ago
	}
	return s, err
}

// tryTLS makes one connection; a refused certificate is a *refusal.
func (d *Dialer) tryTLS(ctx context.Context, host string, port int, o TLSOptions, check *verifier) (*Stream, error) {
	ctx, cancel := context.WithTimeout(ctx, d.cfg.Timeout)
	defer cancel()
	conn, err := d.connect(ctx, host, port)
	if err != nil {
		return nil, err
	}
	ctx, done := context.WithTimeout(ctx, d.cfg.DialTimeout)
	defer done()
	s := &Stream{raw: conn, cork: newCork(conn)}
	info := &TLSInfo{}
	s.tls = tls.Client(s.cork, d.tlsConfig(o, check, info))
	s.conn = s.tls
	if err := s.tls.HandshakeContext(ctx); err != nil {
		_ = conn.Close()
		return nil, handshakeDiagnostic(host, info, err)
	}
	s.describe(info)
	d.show(host, info.PeerChain)
	return s, nil
}

// describe fills in s.info after the handshake.
func (s *Stream) describe(info *TLSInfo) {
	state := s.tls.ConnectionState()
	info.Version = tls.VersionName(state.Version)
	info.Cipher = tls.CipherSuiteName(state.CipherSuite)
	info.PeerChain = state.PeerCertificates
	info.Unique = channelBinding(&state)
	s.info = streamInfo("tls", s.raw)
	s.info.TLS = info
	s.info.Cipher = info.Cipher
	s.info.Overhead = tcpOverhead(s.raw) + recordOverhead(state.Version, state.CipherSuite)
}

func streamInfo(kind string, conn net.Conn) Info {
	return Info{Kind: kind, Local: addrPort(conn.LocalAddr()), Remote: addrPort(conn.RemoteAddr()), PathMTU: tcpPathMTU(conn)}
}

// tlsConfig makes the configuration of one handshake; info is filled in by it.
func (d *Dialer) tlsConfig(o TLSOptions, check *verifier, info *TLSInfo) *tls.Config {
	c := &tls.Config{
		ServerName:                  check.name,
		NextProtos:                  o.ALPN,
		MinVersion:                  tls.VersionTLS12,
		InsecureSkipVerify:          true, // check does it, with diagnostics and pins
		VerifyConnection:            check.verify,
		DynamicRecordSizingDisabled: true, // one frame, one record
		KeyLogWriter:                d.cfg.KeyLog,
		GetClientCertificate: func(*tls.CertificateRequestInfo) (*tls.Certificate, error) {
			info.CertRequested = true
			if !o.ClientCertificate || d.cfg.Certificate == nil {
				return &tls.Certificate{}, nil
			}
			info.CertSent = true
			return &d.cfg.Certificate.pair, nil
		},
	}
	if o.AllowLegacy {
		c.MinVersion = tls.VersionTLS10
		c.CipherSuites = legacySuites()
	}
	return c
}

// legacySuites names every suite of crypto/tls but RC4's: naming them is what
// enables RSA key exchange and 3DES without a process-wide setting.
func legacySuites() []uint16 {
	var ids []uint16
	for _, s := range append(tls.CipherSuites(), tls.InsecureCipherSuites()...) {
		if !strings.Contains(s.Name, "RC4") {
			ids = append(ids, s.ID)
		}
	}
	return ids
}

// channelBinding is tls-unique (RFC 5929) up to TLS 1.2, tls-exporter (RFC 9266)
// after, and nil when the connection has neither.
func channelBinding(state *tls.ConnectionState) []byte {
	if state.Version < tls.VersionTLS13 {
		return state.TLSUnique
	}
	key, err := state.ExportKeyingMaterial("EXPORTER-Channel-Binding", []byte{}, 32)
	if err != nil {
		return nil
	}
	return key
}

// recordOverhead is what a TLS record adds to a frame, in bytes; for CBC the most it can.
func recordOverhead(version, suite uint16) int {
	const header, tag = 5, 16
	name := tls.CipherSuiteName(suite)
	switch {
	case version >= tls.VersionTLS13:
		return header + 1 + tag // the inner content type
	case strings.Contains(name, "CHACHA20"):
		return header + tag
	case strings.Contains(name, "GCM"):
		return header + 8 + tag // the explicit nonce
	}
	return header + cbcOverhead(name)
}

// cbcOverhead is IV, MAC and the most padding.
func cbcOverhead(name string) int {
	block, mac := 16, 20
	if strings.Contains(name, "3DES") {
		block = 8
	}
	if strings.HasSuffix(name, "SHA256") {
		mac = 32
	}
	return block + mac + block
}

// handshakeDiagnostic names what went wrong in a handshake with host.
func handshakeDiagnostic(host string, info *TLSInfo, err error) error {
	var (
		refused *refusal
		record  tls.RecordHeaderError
	)
	alert := alertOf(err)
	switch {
	case errors.As(err, &refused):
		return err
	case errors.As(err, &record):
		return diag.New(diag.Unreachable, host+" does not answer with TLS", "check the port; something else may listen there")
	case info.CertRequested && aboutCertificate(alert, info):
		return clientCertificateDiagnostic(host, info, alert)
	case alert != "", strings.Contains(err.Error(), "unsupported protocol version"):
		return diag.New(diag.Unreachable, "no TLS handshake with "+host,
			fmt.Sprintf("%v; an old gateway may need TLS 1.0 or RSA key exchange to be allowed", err))
	}
	return dialDiagnostic(host, err)
}

// aboutCertificate says whether alert is about the certificate that was sent, or was not.
func aboutCertificate(alert string, info *TLSInfo) bool {
	return strings.Contains(alert, "certificate") || strings.Contains(alert, "access denied") ||
		!info.CertSent && strings.Contains(alert, "handshake failure")
}

// alertOf is the text of the alert that the gateway sent, "" when err is none.
// crypto/tls has no exported type for it.
func alertOf(err error) string {
	var remote *net.OpError
	if errors.As(err, &remote) && remote.Op == "remote error" {
		return remote.Err.Error()
	}
	return ""
}

func clientCertificateDiagnostic(host string, info *TLSInfo, alert string) error {
	if !info.CertSent {
		return diag.New(diag.AuthRefused, host+" wants a client certificate", "give one with usercert and userkey").With("usercert")
	}
	return diag.New(diag.AuthRefused, host+" refused the client certificate", alert+"; it may have expired, or be meant for another gateway").With("usercert")
}
