package pppcall

import (
	"context"
	"net/netip"
	"testing"
	"time"

	"github.com/penstock-vpn/penstock/plugins/internal/ppp"
)

// asked has a person answer that question.
func asked(t *testing.T, c *Call, question string) {
	t.Helper()
	said := ""
	c.person(func(_ context.Context, text string) (string, error) { return "blue to " + text, nil }, question,
		func(_ time.Time, answer string, _ error) []ppp.Effect { said = answer; return nil })
	if err := c.Take(<-c.Answers()); err != nil || said != "blue to "+question {
		t.Fatalf("%q, %v", said, err)
	}
}

// A gateway that waits for a person has its time again after the answer, but only if
// something was due: a question in mid-session sets no limit to the session.
func TestQuestion(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	c := New(ctx, nil, &tunnel{}, Options{})
	defer c.Close()
	defer cancel()
	c.Wait("the login")
	asked(t, c, "What colour?")
	if !c.expires.Stop() {
		t.Error("the gateway has all the time of the world after an answer")
	}
	c.Rest()
	asked(t, c, "What colour now?")
	if c.expires.Stop() {
		t.Error("a question in mid-session ends the session")
	}
}

// Who waits for a person is not waited for when the session ends.
func TestClose(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	c := New(ctx, nil, &tunnel{}, Options{})
	for range 3 { // of which one finds a place in the channel
		c.person(func(ctx context.Context, _ string) (string, error) { <-ctx.Done(); return "", ctx.Err() }, "",
			func(time.Time, string, error) []ppp.Effect { return nil })
	}
	cancel()
	c.Close()
}

// What comes before there is PPP is dropped.
func TestBefore(t *testing.T) {
	c := New(t.Context(), nil, &tunnel{}, Options{})
	defer c.Close()
	if err := c.Whole([]byte{0xff, 3, 0xc0, 0x21, 1, 1, 0, 4}); err != nil || !c.Deadline().IsZero() || c.Tick() != nil || c.Stop() != nil {
		t.Error("something happens before the call")
	}
}

// Echoes are answered with our magic number; what is too short for one is not.
func TestEchoReply(t *testing.T) {
	r := echoReply([]byte{0, 0, 0, 7})
	for asked, want := range map[string]string{
		"\x09\x05\x00\x08\xaa\xbb\xcc\xdd": "\x0a\x05\x00\x08\x00\x00\x00\x07",
		"\x09\x05\x00\x04":                 "",
		"\x01\x05\x00\x08\xaa\xbb\xcc\xdd": "",
	} {
		if got, ok := r.To(nil, lcp, []byte(asked)); string(got) != want || ok != (want != "") {
			t.Errorf("%x: answered %x, want %x", asked, got, want)
		}
	}
}

// Settings are within what both ends take, what the user allows, and what encryption adds.
func TestSettings(t *testing.T) {
	for _, test := range []struct {
		peer, own, user int
		encrypted       bool
		want            int
	}{
		{1500, 1400, 0, false, 1400}, {1300, 1400, 0, false, 1300}, {1300, 1400, 1200, false, 1200},
		{1500, 1400, 0, true, 1396}, {1500, 1400, 1398, true, 1396},
	} {
		c := New(t.Context(), nil, &tunnel{}, Options{PPP: ppp.Config{MRU: test.own}, MTU: test.user})
		c.encrypted = test.encrypted
		n := ppp.Network{MRU: test.peer, Address: netip.MustParseAddr("10.0.0.2")}
		if s := c.settings(n); s.MTU != test.want || len(s.Addresses) != 1 || s.Addresses[0].Bits() != 32 || len(s.Routes) != 1 {
			t.Errorf("%+v: %+v", test, s)
		}
	}
}

type tunnel struct{ Carrier }

func (*tunnel) Over() bool { return false }
