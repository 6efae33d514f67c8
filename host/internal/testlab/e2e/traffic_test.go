package e2e

import (
	"sync"
	"testing"
	"time"

	"github.com/penstock-vpn/penstock/host/internal/testlab"
)

// busy is locked by who loads the processors, and read-locked by who counts every
// packet and needs them to be there.
var busy sync.RWMutex

// quiet keeps the processors free until the test ends.
func quiet(t *testing.T) {
	t.Helper()
	busy.RLock()
	t.Cleanup(busy.RUnlock)
}

const (
	large = 200_000_000 // bytes of the transfers that count
	calm  = 1_000_000   // bytes a second of those that only have to go on
)

// bothWays moves size bytes down and up and compares their sha256.
func bothWays(t *testing.T, l *testlab.Lab, inside string, size int64) {
	t.Helper()
	if size >= large/10 {
		busy.Lock()
		defer busy.Unlock()
	}
	store, err := l.OpenStore(inside)
	must(t, err)
	defer store.Close()
	down, err := store.Download(within(t, 2*time.Minute), size)
	must(t, err)
	up, err := store.Upload(within(t, 2*time.Minute), size)
	must(t, err)
	t.Logf("%s: down %s, up %s", inside, down, up)
}

// traffic is what runs through a tunnel while the line is disturbed: a slow
// download, a slow upload, and pings.
type traffic struct {
	store *testlab.Store
	pings *testlab.Pinger
	ended chan struct{} // one each
	down  testlab.Transfer
	up    testlab.Transfer
	errs  [2]error
}

// start begins traffic that goes on for about as long as lasting.
func start(t *testing.T, l *testlab.Lab, lasting time.Duration) *traffic {
	t.Helper()
	store, err := l.OpenStore(testlab.InsideV4)
	must(t, err)
	store.Rate = calm
	f := &traffic{store: store, ended: make(chan struct{}, 2)}
	ctx, size := within(t, lasting+time.Minute), int64(lasting.Seconds()*calm)
	go func() { f.down, f.errs[0] = store.Download(ctx, size); f.ended <- struct{}{} }()
	go func() { f.up, f.errs[1] = store.Upload(ctx, size); f.ended <- struct{}{} }()
	f.pings, err = l.Client.Ping(testlab.InsideV4, 100*time.Millisecond)
	must(t, err)
	must(t, testlab.Await(within(t, 10*time.Second), "both transfers to begin", func() bool { return store.Accepted() == 2 }))
	return f
}

// finish waits for both transfers and wants them whole; it returns what became of
// the pings.
func (f *traffic) finish(t *testing.T) testlab.Pings {
	t.Helper()
	<-f.ended
	<-f.ended
	pings := f.pings.Stop()
	f.store.Close()
	for i, name := range []string{"download", "upload"} {
		if f.errs[i] != nil {
			t.Errorf("%s: %v", name, f.errs[i])
		}
	}
	t.Logf("down %s, longest pause %s; up %s; pings: %s", f.down, f.down.Longest, f.up, pings)
	return pings
}

// meter counts the outer packets of a lab from now on.
func meter(t *testing.T, l *testlab.Lab) testlab.Meter {
	t.Helper()
	m, err := l.Client.NewMeter(443)
	must(t, err)
	return m
}

func read(t *testing.T, m testlab.Meter) testlab.Wire {
	t.Helper()
	w, err := m.Read()
	must(t, err)
	return w
}

// carried wants a small transfer to go by UDP (dtls) or TCP (tls), as seen on the
// wire, and penstock to say the same.
func carried(t *testing.T, l *testlab.Lab, m testlab.Meter, transport string) {
	t.Helper()
	before := read(t, m)
	bothWays(t, l, testlab.InsideV4, 1_000_000)
	after := read(t, m)
	udp, tcp := after.UDP-before.UDP, after.TCP-before.TCP
	if (transport == "dtls") != (udp > tcp) {
		t.Errorf("2 MB inside took %d bytes of UDP and %d of TCP outside, want them on %s", udp, tcp, transport)
	}
	if client.Name() == "penstock" {
		if st := status(t, l); st.Transport != transport {
			t.Errorf("status says transport %q, want %q", st.Transport, transport)
		}
	}
}

// moves waits until the traffic under way has changed to a transport, as seen on
// the wire.
func moves(t *testing.T, m testlab.Meter, transport string, limit time.Duration) {
	t.Helper()
	const enough = 200_000
	last := read(t, m)
	begin := time.Now()
	must(t, testlab.Await(within(t, limit), "the traffic to move to "+transport, func() bool {
		now := read(t, m)
		udp, tcp := now.UDP-last.UDP, now.TCP-last.TCP
		if udp+tcp > enough {
			last = now
		}
		return transport == "dtls" && udp > enough && udp > 4*tcp || transport == "tls" && tcp > enough && tcp > 4*udp
	}))
	t.Logf("on %s after %s", transport, time.Since(begin).Round(time.Millisecond))
}

// status is that of the one connection, once it is up.
func status(t *testing.T, l *testlab.Lab) testlab.Status {
	t.Helper()
	st, err := penstock.AwaitStatus(within(t, 25*time.Second), l, "connected", func(s testlab.Status) bool { return s.State == "connected" })
	must(t, err)
	return st
}
