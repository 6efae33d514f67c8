package machine

import (
	"bytes"
	"crypto/x509"
	"encoding/hex"
	"math/rand/v2"
	"net/netip"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/penstock-vpn/penstock/plugins/internal/eap"
	"github.com/penstock-vpn/penstock/plugins/internal/ike"
)

var start = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)

// transcript is a conversation with strongSwan 5.9.8: lines of > and <, and datagrams;
// s is a signature of the user's key.
func transcript(t testing.TB, name string) (lines []string) {
	t.Helper()
	text, err := os.ReadFile("testdata/" + name)
	if err != nil {
		t.Fatal(err)
	}
	return strings.Split(strings.TrimSpace(string(text)), "\n")
}

// recorded is the configuration that the transcripts were made with. Their randomness
// is what makes the client say the same again.
func recorded(auth func(random *rand.ChaCha8) Config) Config {
	random := rand.NewChaCha8([32]byte{1})
	c := auth(random)
	c.Random, c.Gateway, c.IKE = random, "vpn.test", classicalIKE()
	c.Remote = netip.MustParseAddrPort("10.77.0.1:500")
	c.Identity = &ike.ID{Kind: ike.IDEmail, Data: []byte("alice@vpn.test")}
	return c
}

func sharedKey(*rand.ChaCha8) Config {
	key := []byte("peerlab-psk")
	return Config{SharedKey: key, Auth: []Auth{SharedKey{Key: key}}}
}

func password(random *rand.ChaCha8) Config {
	return Config{Fragment: 600, Auth: []Auth{EAP{Peer: func() *eap.Peer {
		return eap.NewPeer("alice", eap.MSCHAPv2("alice", "secret1", random))
	}}}}
}

// replay plays strongSwan's side of a transcript and wants ours to be the same.
func replay(t *testing.T, m *Machine, lines []string) (up *Up, ended *Ended) {
	t.Helper()
	effects := m.Begin(start)
	for i, line := range lines {
		datagram, err := hex.DecodeString(line[2:])
		if err != nil {
			t.Fatal(err)
		}
		switch line[0] {
		case '<':
			effects = append(effects, m.Receive(start, datagram)...)
			continue
		case 's': // the user's signature
			effects = append(effects, m.Signed(start, datagram, nil)...)
			continue
		}
		for {
			if len(effects) == 0 {
				t.Fatalf("line %d: nothing is sent any more", i+1)
			}
			e := effects[0]
			effects = effects[1:]
			if sent, isSend := e.(Send); isSend {
				if !bytes.Equal(sent.Datagram, datagram) {
					t.Fatalf("line %d: sent %x, want %x", i+1, sent.Datagram, datagram)
				}
				break
			}
			switch e := e.(type) {
			case Verify:
				if len(e.Chain) != 1 || e.Name != "vpn.test" {
					t.Errorf("%d certificates of %s to verify", len(e.Chain), e.Name)
				}
				effects = slices.Concat(m.Verified(start, nil), effects)
			case Up:
				up = &e
				effects = append(effects, m.Stop(start)...)
			}
		}
	}
	for _, e := range effects {
		if e, isEnded := e.(Ended); isEnded {
			ended = &e
		}
	}
	return up, ended
}

// certificate is the login of a transcript whose first line is the user's certificate.
func certificate(t *testing.T, lines []string, fragment int) (func(*rand.ChaCha8) Config, []string) {
	t.Helper()
	der, err := hex.DecodeString(strings.TrimPrefix(lines[0], "c "))
	if err != nil {
		t.Fatal(err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return func(*rand.ChaCha8) Config {
		return Config{Fragment: fragment, Auth: []Auth{Certificate{Chain: [][]byte{der}, Public: cert.PublicKey}}}
	}, lines[1:]
}

func TestTranscripts(t *testing.T) {
	for _, name := range []string{"psk.txt", "mschapv2.txt", "rsa.txt", "ecdsa.txt"} {
		t.Run(name, func(t *testing.T) {
			lines := transcript(t, name)
			auth := sharedKey
			switch name {
			case "mschapv2.txt":
				auth = password
			case "rsa.txt":
				auth, lines = certificate(t, lines, 0)
			case "ecdsa.txt":
				auth, lines = certificate(t, lines, 700)
			}
			up, ended := replay(t, New(recorded(auth)), lines)
			if up == nil || ended == nil || ended.Err != nil {
				t.Fatalf("up %v, ended %v", up, ended)
			}
			s := up.Settings
			if s.Addresses[0] != netip.MustParsePrefix("10.89.0.10/32") || s.DNS[0] != netip.MustParseAddr("10.99.0.1") ||
				s.NBNS[0] != netip.MustParseAddr("10.99.0.9") || s.Banner != "Welcome to PeerLab charon" ||
				!slices.Equal(s.Routes, []netip.Prefix{netip.MustParsePrefix("10.99.0.1/32"), netip.MustParsePrefix("10.99.1.0/24")}) {
				t.Errorf("settings %+v", s)
			}
			if len(up.SAs) != 2 || len(up.SAs[0].Key) != 36 || bytes.Equal(up.SAs[0].Key, up.SAs[1].Key) {
				t.Errorf("SAs %v", up.SAs)
			}
		})
	}
}

// What a gateway said once must not come to anything when a byte of it is another:
// in the clear it may be refused, behind the keys it is dropped.
func TestChangedAnswers(t *testing.T) {
	lines := transcript(t, "psk.txt")
	var answer []byte
	for i, line := range lines {
		if strings.HasPrefix(line, "<") && i > 3 {
			answer, _ = hex.DecodeString(line[2:])
			lines = lines[:i]
			break
		}
	}
	for at := range answer {
		m := New(recorded(sharedKey))
		replay(t, m, lines)
		changed := bytes.Clone(answer)
		changed[at] ^= 0x10
		for _, e := range m.Receive(start, changed) {
			if _, isTrace := e.(Trace); !isTrace {
				t.Fatalf("byte %d changed brings about %T", at, e)
			}
		}
	}
}

// A wrong key is noticed by us too: the gateway that does not know it is refused.
func TestGatewayWithAnotherKey(t *testing.T) {
	c := recorded(sharedKey)
	c.SharedKey = []byte("another")
	lines := transcript(t, "psk.txt")
	_, ended := replay(t, New(c), lines[:6])
	if ended == nil || !strings.Contains(ended.Err.Error(), "cannot prove") {
		t.Errorf("ended with %v", ended)
	}
}

// The gateway's silence ends in words, after every message was sent as often as is due.
func TestSilence(t *testing.T) {
	c := recorded(sharedKey)
	c.Tries = 4
	m := New(c)
	now, sent := start, 0
	for effects := m.Begin(now); ; effects = m.Tick(now) {
		for _, e := range effects {
			switch e := e.(type) {
			case Send:
				sent++
			case Ended:
				if sent != 4 || !strings.Contains(e.Err.Error(), "does not answer") || now.Sub(start) > time.Minute {
					t.Errorf("%d messages in %s, then %v", sent, now.Sub(start), e.Err)
				}
				return
			}
		}
		now = m.Deadline()
	}
}
