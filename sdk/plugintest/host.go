package plugintest

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"net"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/penstock-vpn/penstock/sdk/diag"
	"github.com/penstock-vpn/penstock/sdk/pluginpb"
	"github.com/penstock-vpn/penstock/sdk/prompt"
)

// Patience is how long anything may take before the test fails.
const Patience = 20 * time.Second

// patience is shorter where this package is tested itself.
var patience = Patience

// Any stands for every address of a Gateway, Forward, Refuse or Hang.
const Any = "*"

// Host is a fake host. Like a real one it keeps checkpoint and paths while plugins
// come and go: a second Run with Profile.Resume goes on with them.
type Host struct {
	t      testing.TB
	ctx    context.Context // ends with the test
	cancel context.CancelFunc

	// TLS is what Opened tells of tls transports; it may be changed before a Run.
	TLS *pluginpb.TlsInfo
	// PathMTU and Overhead are told of every transport.
	PathMTU, Overhead uint32
	// Ask replaces the answers of Answer, if set. It may block until ctx ends.
	Ask func(ctx context.Context, p prompt.Prompt) prompt.Answer

	// Trust says what VerifyChain answers; nil: everything is trusted.
	Trust func(chain []*x509.Certificate, name string) error
	// Certificate is the user's, with its key; nil: there is none.
	Certificate *tls.Certificate

	mu         sync.Mutex
	gateways   map[string]gateway
	answers    map[string][]map[string]string
	secrets    []string // answered in confidence; must not come back
	checkpoint []byte
	configured bool
	paths      map[uint32]*Path
	run        *Run // the one under way, or nil
	work       sync.WaitGroup
}

// gateway is what an address leads to: exactly one is set.
type gateway struct {
	serve   func(net.Conn)
	forward string
	refuse  *diag.Diagnostic
	hang    bool
}

// NewHost makes a host without gateways or answers. It ends with the test.
func NewHost(t testing.TB) *Host {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	h := &Host{
		t: t, ctx: ctx, cancel: cancel,
		TLS:     &pluginpb.TlsInfo{Version: "TLS 1.3", Cipher: "TLS_AES_128_GCM_SHA256", PeerChain: [][]byte{certificate()}, Unique: make([]byte, 32)},
		PathMTU: 1500, Overhead: 70,
		gateways: map[string]gateway{}, answers: map[string][]map[string]string{}, paths: map[uint32]*Path{},
	}
	t.Cleanup(h.close)
	return h
}

// close ends everything and waits for it.
func (h *Host) close() {
	h.cancel()
	if run := h.current(); run != nil {
		run.cut()
	}
	h.dropPaths()
	h.work.Wait()
}

// Gateway makes serve the gateway at "host:port" for transports of a kind: "tcp",
// "tls", "udp", "dtls", or "raw" with the IP protocol in place of the port. It gets the
// plaintext; of udp, raw and dtls, one datagram a Read.
// The connection is closed when serve returns; serve must return when it ends.
func (h *Host) Gateway(kind, address string, serve func(net.Conn)) {
	h.set(kind, address, gateway{serve: serve})
}

// Forward leads transports of a kind ("tcp", "tls", "udp") to a real server, whatever
// its certificate.
func (h *Host) Forward(kind, address, real string) {
	h.set(kind, address, gateway{forward: real})
}

// Refuse makes the host refuse to open.
func (h *Host) Refuse(kind, address string, why *diag.Diagnostic) {
	h.set(kind, address, gateway{refuse: why})
}

// Hang makes the host never answer an Open, until it is taken back.
func (h *Host) Hang(kind, address string) {
	h.set(kind, address, gateway{hang: true})
}

func (h *Host) set(kind, address string, g gateway) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.gateways[kind+" "+address] = g
}

func (h *Host) gateway(kind, host string, port uint32) gateway {
	address := net.JoinHostPort(host, strconv.FormatUint(uint64(port), 10))
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, key := range []string{kind + " " + address, kind + " " + Any} {
		if g, ok := h.gateways[key]; ok {
			return g
		}
	}
	return gateway{refuse: diag.New(diag.Unreachable, "no gateway answers at "+address, "The test has no "+kind+" gateway there.")}
}

// current is the run under way, or nil.
func (h *Host) current() *Run {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.run
}

// goes runs f and makes the end of the test wait for it.
func (h *Host) goes(f func()) {
	h.work.Add(1)
	go func() {
		defer h.work.Done()
		f()
	}()
}

// wait lets f report the moment it has what the test waits for; changed tells when to
// look again.
func (h *Host) wait(changed func() <-chan struct{}, done func() bool) bool {
	over := time.NewTimer(patience)
	defer over.Stop()
	for {
		again := changed()
		if done() {
			return true
		}
		select {
		case <-again:
		case <-over.C:
			return false
		}
	}
}
