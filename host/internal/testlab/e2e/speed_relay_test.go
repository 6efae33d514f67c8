package e2e

import (
	"encoding/binary"
	"fmt"
	"net"
	"testing"
	"time"

	"github.com/penstock-vpn/penstock/host/internal/testlab"
	"github.com/penstock-vpn/penstock/host/internal/testlab/relay"
)

// A tunnel over a line that loses, reorders and doubles datagrams: files arrive whole,
// and no packet arrives twice.
func TestBadLine(t *testing.T) {
	needPenstock(t)
	t.Parallel()
	for _, w := range ways() {
		if w.transport == "tls" {
			continue
		}
		t.Run(w.String(), func(t *testing.T) {
			t.Parallel()
			l := lab(t)
			w.begin(t, l)
			quietly(t)
			line := badLine(t, l, w.port)
			c := w.connect(t, l)
			says(t, l, w.transport)
			line.Worsen(relay.Faults{Lose: 0.05, Late: 0.10, Double: 0.03})
			for _, inside := range []string{testlab.InsideV4, testlab.InsideV6} {
				store, err := l.OpenStore(inside)
				must(t, err)
				down, err := store.Download(within(t, time.Minute), 3_000_000)
				must(t, err)
				up, err := store.Upload(within(t, time.Minute), 3_000_000)
				must(t, err)
				t.Logf("%s: down %s, up %s", inside, down, up)
				must(t, store.Close())
				once(t, l, inside)
			}
			up, down := line.Counts()
			t.Logf("up %+v, down %+v", up, down)
			for name, n := range map[string]relay.Counts{"up": up, "down": down} {
				if n.Lost == 0 || n.Late == 0 || n.Doubled == 0 {
					t.Errorf("%s the line was good: %+v", name, n)
				}
			}
			if st := status(t, l); st.Transport != w.transport {
				t.Errorf("the transport is %s", st.Transport)
			}
			disconnect(t, c)
		})
	}
}

// badLine has all UDP to a port of the gateway pass through a relay on its machine,
// unharmed at first: ocserv takes a doubled hello for a client that comes anew.
func badLine(t *testing.T, l *testlab.Lab, port int) *relay.Relay {
	t.Helper()
	return badLineAs(t, l, port, 5443)
}

// badLineAs is a badLine whose relay listens on the port own.
func badLineAs(t *testing.T, l *testlab.Lab, port, own int) *relay.Relay {
	t.Helper()
	dial := func() (conn *net.UDPConn, err error) {
		err = l.Gateway.Do(func() (err error) {
			conn, err = net.DialUDP("udp", nil, &net.UDPAddr{IP: net.ParseIP(testlab.GatewayV4), Port: port})
			return err
		})
		if err == nil {
			err = conn.SetReadBuffer(1 << 20)
		}
		return conn, err
	}
	r := relay.New(udp(t, l.Gateway, &net.UDPAddr{Port: own}), dial, relay.Faults{Seed: 7})
	t.Cleanup(func() { r.Close() })
	must(t, l.Gateway.Nft(fmt.Sprintf(`table ip relay%[2]d {
	chain in {
		type nat hook prerouting priority dstnat
		iifname "eth0" udp dport %[1]d redirect to :%[2]d
	}
}`, port, own)))
	return r
}

// once sends numbered datagrams to the inside and back, and wants none of them to
// come twice. Most come: how many depends on the line, and on how busy the machine is.
func once(t *testing.T, l *testlab.Lab, inside string) {
	t.Helper()
	const total, batch = 2000, 40
	there, back := map[uint64]int{}, map[uint64]int{}
	server := udp(t, l.Gateway, &net.UDPAddr{IP: net.ParseIP(inside)})
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		b := make([]byte, 2048)
		for {
			n, from, err := server.ReadFromUDPAddrPort(b)
			if err != nil {
				return
			}
			if n >= 8 {
				there[binary.BigEndian.Uint64(b)]++
				server.WriteToUDPAddrPort(b[:n], from)
			}
		}
	}()
	conn := udp(t, l.Client, nil)
	b, data := make([]byte, 2048), make([]byte, 0, batch*1000)
	for first := uint64(0); first < total; first += batch {
		data = data[:0]
		for i := range uint64(batch) {
			data = append(binary.BigEndian.AppendUint64(data, first+i), make([]byte, 992)...)
		}
		_, _, err := conn.WriteMsgUDP(data, segmented(1000), server.LocalAddr().(*net.UDPAddr))
		must(t, err)
		// What does not come back in a moment is lost, or late.
		for got := 0; got < batch; got++ {
			must(t, conn.SetReadDeadline(time.Now().Add(10*time.Millisecond)))
			n, err := conn.Read(b)
			if err != nil {
				break
			}
			if n == 1000 {
				back[binary.BigEndian.Uint64(b)]++
			}
		}
	}
	must(t, server.Close())
	<-ended
	for where, seen := range map[string]map[uint64]int{"at the gateway": there, "back at the client": back} {
		twice := 0
		for _, n := range seen {
			if n > 1 {
				twice++
			}
		}
		if share := float64(len(seen)) / total; twice > 0 || share < 0.5 || share > 0.99 {
			t.Errorf("%s %d of %d datagrams were seen, %d of them more than once", where, len(seen), total, twice)
		}
	}
}
