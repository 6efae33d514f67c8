package e2e

import (
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/penstock-vpn/penstock/host/internal/testlab"
	"github.com/penstock-vpn/penstock/host/internal/testlab/hostile"
)

// Exit statuses of penstock.
const (
	exitOther       = 1
	exitUsage       = 2
	exitRefused     = 3
	exitUnreachable = 4
	exitCertificate = 5
	exitPlugin      = 6
)

// refused wants the client to end by itself within limit, with an exit status, words
// that say what to do, and nothing left behind.
func refused(t *testing.T, l *testlab.Lab, s testlab.Spec, limit time.Duration, code int, words string) {
	t.Helper()
	if client.Name() == "penstock" {
		refusedBy(t, l, client, s, limit, code, "(?i)"+words)
		return
	}
	if got, _ := ends(t, l, client, s, limit); got == 0 {
		t.Errorf("exit status 0")
	}
}

// refusedBy is refused for a client of a protocol. The words are matched in a text whose
// lines are joined.
func refusedBy(t *testing.T, l *testlab.Lab, by testlab.Client, s testlab.Spec, limit time.Duration, code int, words string) {
	t.Helper()
	got, text := ends(t, l, by, s, limit)
	if got != code {
		t.Errorf("exit status %d, want %d; it said: %s", got, code, text)
	}
	if !regexp.MustCompile(words).MatchString(text) {
		t.Errorf("said %q, want %q", text, words)
	}
	if strings.Contains(text, testlab.Password) {
		t.Errorf("the password is in the message: %q", text)
	}
	t.Log(text)
}

// ends waits for the client's own end, with nothing left behind.
func ends(t *testing.T, l *testlab.Lab, by testlab.Client, s testlab.Spec, limit time.Duration) (code int, text string) {
	t.Helper()
	before := snapshot(t, l)
	c, err := l.Launch(by, s)
	must(t, err)
	code, err = c.Wait(limit)
	must(t, err)
	unchanged(t, l, before)
	return code, strings.Join(strings.Fields(c.Stderr()), " ")
}

func TestRefusedLogin(t *testing.T) {
	t.Parallel()
	wrong := alice()
	wrong.Answers = []string{"Xylem-5150"}
	stranger := testlab.Spec{Cert: "mallory"}
	for _, test := range []struct {
		name, auth string
		spec       testlab.Spec
		words      string
	}{
		{"wrong password", "password", wrong, `refused|failed|denied|incorrect`},
		{"certificate of another authority", "certificate", stranger, `certificate`},
		{"no certificate", "certificate", testlab.Spec{}, `usercert`},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			l := lab(t)
			ocserv(t, l, testlab.Ocserv{Auth: test.auth})
			refused(t, l, test.spec, 20*time.Second, exitRefused, test.words)
		})
	}
}

func TestRefusedGateway(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name, cert, words string
	}{
		{"unknown authority", "unknown", `authority.*pin-sha256:|pin-sha256:.*authority`},
		{"expired", "expired", `expired`},
		{"another name", "misnamed", `elsewhere\.test`},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			l := lab(t)
			misbehave(t, l, test.cert, hostile.Script{})
			refused(t, l, alice(), 20*time.Second, exitCertificate, test.words)
		})
	}
}

func TestUnreachable(t *testing.T) {
	t.Parallel()
	t.Run("closed port", func(t *testing.T) {
		t.Parallel()
		refused(t, lab(t), alice(), 10*time.Second, exitUnreachable, `refused`)
	})
	t.Run("black hole", func(t *testing.T) {
		needPenstock(t) // openconnect waits as long as the kernel does
		t.Parallel()
		l := lab(t)
		_, err := l.Silence()
		must(t, err)
		s := alice()
		s.URL = "https://" + testlab.GatewayV4 + "/"
		refused(t, l, s, 60*time.Second, exitUnreachable, `did not answer|no answer|timed? ?out`)
	})
	t.Run("unknown name", func(t *testing.T) {
		t.Parallel()
		s := alice()
		s.URL = "https://nowhere.invalid/"
		refused(t, lab(t), s, 60*time.Second, exitUnreachable, `nowhere\.invalid`)
	})
	t.Run("silent", func(t *testing.T) {
		t.Parallel()
		l := lab(t)
		misbehave(t, l, "server", hostile.Silent())
		refused(t, l, alice(), 90*time.Second, exitUnreachable, `did not answer|no answer|timed? ?out`)
	})
}

// misbehave runs a hostile gateway in place of ocserv.
func misbehave(t *testing.T, l *testlab.Lab, cert string, s hostile.Script) {
	t.Helper()
	pair, err := l.PKI.TLS(cert)
	must(t, err)
	listener, err := l.Listen(443)
	must(t, err)
	gateway := hostile.Serve(listener, pair, s)
	t.Cleanup(func() { gateway.Close() })
}

// A gateway that breaks the protocol is left, with a reason, in bounded time.
func TestHostile(t *testing.T) {
	needPenstock(t) // openconnect 9.01 waits for ever in five of these
	t.Parallel()
	for _, test := range []struct {
		name   string
		script hostile.Script
		code   int
		words  string
	}{
		{"garbage", hostile.Garbage(), exitOther, `HTTP`},
		{"header of 10 MB", hostile.HugeHeader(10 << 20), exitOther, `header`},
		{"CONNECT header of 10 MB", hostile.HugeConnectHeader(10 << 20), exitOther, `header`},
		{"XML entities", hostile.EntityBomb(), exitOther, `XML|entit|DOCTYPE`},
		{"deep XML", hostile.DeepXML(1_000_000), exitOther, `XML|deep|nest|large|long`},
		{"huge XML", hostile.HugeXML(50_000_000), exitOther, `XML|large|long|big`},
		{"one byte a second", hostile.Drip(), exitUnreachable, `slow|did not answer|no answer|timed? ?out`},
		{"MTU 0", hostile.Header("X-CSTP-MTU", "0"), exitOther, `MTU`},
		{"MTU 70000", hostile.Header("X-CSTP-MTU", "70000"), exitOther, `MTU`},
		{"address that is none", hostile.Header("X-CSTP-Address", "10.88.0.900"), exitOther, `address`},
		{"frame too long", hostile.LongFrame(), exitOther, `frame|framing`},
		{"frame too short", hostile.ShortFrame(), exitOther, `frame|framing`},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			l := lab(t)
			misbehave(t, l, "server", test.script)
			s := alice()
			s.Extra = []string{"--reconnect-timeout", "5"}
			refused(t, l, s, 90*time.Second, test.code, test.words)
		})
	}
}

// What is merely odd is borne.
func TestOddFrames(t *testing.T) {
	t.Parallel()
	l := lab(t)
	misbehave(t, l, "server", hostile.EmptyFrame())
	before := snapshot(t, l)
	c := connect(t, l, alice())
	pause(t, 2*time.Second)
	must(t, c.WaitUp(within(t, time.Second)))
	disconnect(t, c)
	unchanged(t, l, before)
}
