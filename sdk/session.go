package sdk

import (
	"context"
	"crypto/x509"
	"net/netip"
	"time"

	"github.com/penstock-vpn/penstock/sdk/framing"
	"github.com/penstock-vpn/penstock/sdk/prompt"
)

// Session is one connection's whole life, from the plugin's side. Its methods may
// be called from several goroutines; each waits for the host's answer and returns
// a *diag.Diagnostic when the host refuses.
type Session struct{}

// Phase says how far a session is.
type Phase int

const (
	Authenticating Phase = iota + 1
	Negotiating          // authenticated; asking the gateway for the tunnel
)

// Protocol is which of the plugin's protocols the user wants.
func (s *Session) Protocol() string { panic("pinned") }

// Options are the session's options with defaults filled in, never a secret one.
func (s *Session) Options() map[string]string { panic("pinned") }

// Trace says whether the user wants the control conversation by Trace.
func (s *Session) Trace() bool { panic("pinned") }

// Resumed returns what an earlier run of the plugin left, or nil for a fresh session.
func (s *Session) Resumed() *Resumption { panic("pinned") }

// Adopt answers a Resumption, before anything else: the paths this run goes on
// with. The host removes the others.
func (s *Session) Adopt(paths ...uint32) ([]*Path, error) { panic("pinned") }

// Phase tells the host and the user how far the session is.
func (s *Session) Phase(p Phase) error { panic("pinned") }

// Ask asks the user. A cancelled Answer is not an error.
func (s *Session) Ask(ctx context.Context, p prompt.Prompt) (prompt.Answer, error) { panic("pinned") }

// OpenTCP, OpenTLS and OpenUDP connect to host:port.
func (s *Session) OpenTCP(ctx context.Context, host string, port int) (*Transport, error) {
	panic("pinned")
}

// OpenTLS is a TLS connection that ends in the host; the Transport is its plaintext.
func (s *Session) OpenTLS(ctx context.Context, host string, port int, o TLSOptions) (*Transport, error) {
	panic("pinned")
}

// OpenUDP is a connected UDP socket: one Write, one datagram.
func (s *Session) OpenUDP(ctx context.Context, host string, port int) (*Transport, error) {
	panic("pinned")
}

// OpenDTLS is a DTLS 1.2 association. It has no plaintext: it can only be attached.
func (s *Session) OpenDTLS(ctx context.Context, host string, port int, o DTLSOptions) (*Transport, error) {
	panic("pinned")
}

// Attach turns a transport into a path of the tunnel; over is what the plugin had
// read from it too much (the rest is read by Attach). Packets leave on the living
// path with the highest preference. The transport cannot be read or written any more.
func (s *Session) Attach(ctx context.Context, t *Transport, over []byte, f framing.Spec, o AttachOptions) (*Path, error) {
	panic("pinned")
}

// Configure puts the network settings in force; a later one replaces them whole.
func (s *Session) Configure(ctx context.Context, c NetConfig) error { panic("pinned") }

// Checkpoint keeps data (at most 64 KiB, in the host's memory) for Resumed.
func (s *Session) Checkpoint(data []byte) error { panic("pinned") }

// Info, Debug and Warn are lines for people and logs; no secrets in them.
func (s *Session) Info(format string, args ...any) { panic("pinned") }

// Debug is shown with --verbose.
func (s *Session) Debug(format string, args ...any) { panic("pinned") }

// Warn is shown always.
func (s *Session) Warn(format string, args ...any) { panic("pinned") }

// TraceText sends a piece of the control conversation, when Trace.
func (s *Session) TraceText(text string) { panic("pinned") }

// Events is what happens; it ends when the stream does. A full buffer of 256 ends the session.
func (s *Session) Events() <-chan Event { panic("pinned") }

// Resumption is what an earlier run left.
type Resumption struct {
	Checkpoint []byte
	Installed  []InstalledPath
	Configured bool // a NetConfig is in force
}

// InstalledPath is a path that runs on without its plugin.
type InstalledPath struct {
	ID         uint32
	Kind       string // "tcp", "tls", "udp", "dtls"
	Preference int
}

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

// AttachOptions of Attach.
type AttachOptions struct {
	Preference int
	Replaces   *Path // stops sending now, ends when it falls silent
}

// NetConfig is whole: what an earlier one had and this one lacks is removed.
type NetConfig struct {
	Addresses     []netip.Prefix
	MTU           int            // what the gateway allows inside; 0: the host computes it
	Routes        []netip.Prefix // into the tunnel; 0.0.0.0/0 and ::/0 for all
	Excludes      []netip.Prefix
	DNS           []netip.Addr
	Search        []string
	SplitDNS      []string
	NBNS          []netip.Addr
	Banner        string
	ProxyPAC      string
	Expires       time.Time
	IdleTimeout   time.Duration
	ScriptOptions [][2]string // the gateway's headers in order, for scripts
}

// Transport is an open connection to the gateway; TCP, TLS and UDP ones are a
// net.Conn whose other end is in the host.
type Transport struct{}

// ID is the transport's number in this session, and its Path's.
func (t *Transport) ID() uint32 { panic("pinned") }

// Info is what the host told when it was opened.
func (t *Transport) Info() Info { panic("pinned") }

// Read, Write, Close, deadlines and addresses are net.Conn's.
func (t *Transport) Read(p []byte) (int, error) { panic("pinned") }

// Export returns n bytes of RFC 5705 keying material of a TLS transport.
func (t *Transport) Export(ctx context.Context, label string, context []byte, n int) ([]byte, error) {
	panic("pinned")
}

// Path is an attached transport.
type Path struct{}

// ID is the number of the transport that it was.
func (p *Path) ID() uint32 { panic("pinned") }

// Send sends a control frame of that type, in order with the data.
func (p *Path) Send(frameType uint32, payload []byte) error { panic("pinned") }

// Close removes the path. What was sent before is flushed.
func (p *Path) Close() error { panic("pinned") }

// Event is one of ControlFrame, PathEvent, NetworkChange, Suspend, Wake and Stop.
type Event interface{ event() }

// ControlFrame is a frame from the gateway that is neither data nor handled by a rule.
type ControlFrame struct {
	Path    uint32
	Type    uint32
	Payload []byte
}

// PathKind says what happened to a path.
type PathKind int

const (
	PathUp   PathKind = iota
	PathDead          // no sign of life, or closed; the host has removed it
	PathMTU
)

// PathEvent says that a path carries traffic, is gone, or carries smaller packets.
type PathEvent struct {
	Path   uint32
	Kind   PathKind
	MTU    int
	Reason string
}

// NetworkChange says that addresses or routes of the machine changed.
type NetworkChange struct{ Reachable bool }

// Suspend comes before the machine sleeps.
type Suspend struct{}

// Wake comes after the machine slept.
type Wake struct{}

// Stop asks the plugin to end and to return nil from Connect before the Deadline.
type Stop struct {
	Logout   bool // end the session at the gateway too
	Deadline time.Duration
}

func (ControlFrame) event()  {}
func (PathEvent) event()     {}
func (NetworkChange) event() {}
func (Suspend) event()       {}
func (Wake) event()          {}
func (Stop) event()          {}
