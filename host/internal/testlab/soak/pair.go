package main

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"os"
	"time"

	"github.com/penstock-vpn/penstock/host/internal/dataplane"
	"github.com/penstock-vpn/penstock/host/internal/dtls"
	"github.com/penstock-vpn/penstock/host/internal/esp"
	"github.com/penstock-vpn/penstock/host/internal/testlab/pki"
	"github.com/penstock-vpn/penstock/host/internal/transport"
	"github.com/penstock-vpn/penstock/host/internal/tun"
	"github.com/penstock-vpn/penstock/sdk/framing"
)

// pair is two data planes joined by a transport over loopback, each with a channel in
// place of a kernel.
//
//	kernel[0] ── plane[0] ═══ TLS, DTLS or ESP ═══ plane[1] ── kernel[1]
type pair struct {
	kernel [2]*tun.Channel
	plane  [2]*dataplane.Plane
}

const (
	inner = 1400
	path  = 1 // the number of each plane's path
)

func newPair() *pair {
	p := &pair{}
	for i := range p.plane {
		var device *tun.Channel
		device, p.kernel[i] = tun.NewChannel(fmt.Sprintf("soak%d", i), inner)
		p.plane[i] = dataplane.New(device, dataplane.Options{MTU: inner})
	}
	return p
}

// close ends the pair with all that was joined.
func (p *pair) close() error { return errors.Join(p.plane[0].Close(), p.plane[1].Close()) }

// quiet takes the planes' events until they close.
func (p *pair) quiet() {
	for _, plane := range p.plane {
		go func() {
			for range plane.Events() {
			}
		}()
	}
}

// Frames as AnyConnect has them.
var (
	inStream   = framing.Spec{Header: []byte{'S', 'T', 'F', 1, 0, 0, 0, 0}, Length: framing.Field{Offset: 4, Width: 2}, Type: framing.Field{Offset: 6, Width: 1}, OnePerRecord: true, MaxPayload: 16384}
	inDatagram = framing.Spec{Header: []byte{0}, Type: framing.Field{Offset: 0, Width: 1}, MaxPayload: 16384}
	bare       = framing.Spec{MaxPayload: 16384}
)

// joinTLS joins p by TLS of a certificate made for it.
func (p *pair) joinTLS(ctx context.Context) error {
	dir, err := os.MkdirTemp("", "penstock-soak-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	keys, err := pki.Write(dir, "127.0.0.1")
	if err != nil {
		return err
	}
	cert, err := tls.LoadX509KeyPair(keys.Cert("server"), keys.Key("server"))
	if err != nil {
		return err
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	defer l.Close()
	far := make(chan error, 1)
	go func() {
		far <- func() error {
			conn, err := l.Accept()
			if err != nil {
				return err
			}
			s, _, err := transport.AcceptTLS(ctx, conn, &tls.Config{Certificates: []tls.Certificate{cert}, DynamicRecordSizingDisabled: true})
			if err != nil {
				return err
			}
			return p.plane[1].AddStream(path, s.Wire(nil), inStream, 1, 0, "tls", s.Info().Overhead)
		}()
	}()
	s, err := transport.New(transport.Config{RootCAs: keys.Cert("ca")}).OpenTLS(ctx, "127.0.0.1", l.Addr().(*net.TCPAddr).Port, transport.TLSOptions{})
	if err != nil {
		return err
	}
	return errors.Join(p.plane[0].AddStream(path, s.Wire(nil), inStream, 1, 0, "tls", s.Info().Overhead), <-far)
}

// joinDTLS joins p by DTLS with a pre-shared key.
func (p *pair) joinDTLS(ctx context.Context) error {
	server, err := net.ListenUDP("udp", loopback(0))
	if err != nil {
		return err
	}
	own, key := server.LocalAddr().(*net.UDPAddr), bytes.Repeat([]byte{7}, 32)
	far := make(chan error, 1)
	go func() {
		far <- func() error {
			buf := make([]byte, 2048)
			n, from, err := server.ReadFromUDPAddrPort(buf)
			if err = errors.Join(err, server.Close()); err != nil {
				return err
			}
			conn, err := net.DialUDP("udp", own, net.UDPAddrFromAddrPort(from))
			if err != nil {
				return err
			}
			d, err := transport.AcceptDTLS(ctx, conn, buf[:n], dtls.Config{PSK: key, PSKIdentity: "psk"})
			if err != nil {
				return err
			}
			return p.plane[1].AddDatagram(path, d.Wire(), inDatagram, 1, 0, "dtls", d.Info().Overhead)
		}()
	}()
	d, err := transport.New(transport.Config{}).OpenDTLS(ctx, "127.0.0.1", own.Port, transport.DTLSOptions{PSK: key, PSKIdentity: "psk", SessionID: []byte("soak")})
	if err != nil {
		return err
	}
	return errors.Join(p.plane[0].AddDatagram(path, d.Wire(), inDatagram, 1, 0, "dtls", d.Info().Overhead), <-far)
}

// joinESP joins p by ESP in UDP.
func (p *pair) joinESP(k *keys) error {
	var conns [2]*net.UDPConn
	var ports [2]int
	for i := range ports { // two that are free now
		c, err := net.ListenUDP("udp", loopback(0))
		if err != nil {
			return err
		}
		ports[i] = c.LocalAddr().(*net.UDPAddr).Port
		defer func() { _ = c.Close() }()
		conns[i] = c
	}
	for i, c := range conns {
		if err := c.Close(); err != nil {
			return err
		}
		conn, err := net.DialUDP("udp", loopback(ports[i]), loopback(ports[1-i]))
		if err != nil {
			return err
		}
		u := transport.AcceptUDP(conn)
		sas := []dataplane.SA{{SA: k.sa(i), Outbound: true}, {SA: k.sa(1 - i)}}
		if err := p.plane[i].AddESP(path, u.ESP(), dataplane.ESP{SAs: sas}, bare, 1, 0, u.Info().Overhead); err != nil {
			return err
		}
	}
	return nil
}

func loopback(port int) *net.UDPAddr { return &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1), Port: port} }

// keys are those of a generation, one SA for each direction.
type keys struct {
	suite      *esp.Suite
	generation int
}

// sa is what plane from seals with.
func (k *keys) sa(from int) esp.SA {
	fill := func(n int) []byte { return bytes.Repeat([]byte{byte(2*k.generation + from)}, n) }
	return esp.SA{SPI: esp.SPI(0x1000 + 2*k.generation + from), Suite: k.suite, Key: fill(k.suite.KeySize), AuthKey: fill(k.suite.AuthKeySize)}
}

// rekey replaces both SAs without a gap: inbound ones first, and the old ones later.
func (p *pair) rekey(k *keys, grace <-chan time.Time) error {
	old := *k
	k.generation++
	for i, plane := range p.plane {
		if err := plane.InstallSA(path, dataplane.SA{SA: k.sa(1 - i)}); err != nil {
			return err
		}
	}
	for i, plane := range p.plane {
		if err := plane.InstallSA(path, dataplane.SA{SA: k.sa(i), Outbound: true}); err != nil {
			return err
		}
	}
	<-grace
	for i, plane := range p.plane {
		if err := plane.RemoveSA(path, uint32(old.sa(1-i).SPI)); err != nil {
			return err
		}
	}
	return nil
}
