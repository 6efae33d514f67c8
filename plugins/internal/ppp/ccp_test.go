package ppp

import (
	"bytes"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/penstock-vpn/penstock/sdk/diag"
)

func mppe(required bool, bits ...int) *MPPE {
	return &MPPE{Bits: bits, Required: required, AllowBits: "allow-mppe-40", AllowStateful: "mppe-stateful", AllowNone: "require-mppe"}
}

// encrypted is a line whose ends want that.
func encrypted(t *testing.T, client, server *MPPE) *line {
	c := config(MSCHAPv2)
	c.MPPE = client
	return newLine(t, 1, c, &gate{login: MSCHAPv2, password: testPassword, mppe: server})
}

// What is agreed on is the best that both allow, and the same at both ends.
func TestEncryption(t *testing.T) {
	stateful := mppe(true, 128)
	stateful.Stateful = true
	for name, test := range map[string]struct {
		client, server *MPPE
		bits           int
	}{
		"the same":               {mppe(true, 128), mppe(true, 128), 128},
		"all, and the best":      {mppe(true, 128, 56, 40), mppe(true, 128, 56, 40), 128},
		"the gateway's weakness": {mppe(true, 128, 56, 40), mppe(true, 40), 40},
		"our strength":           {mppe(true, 128), mppe(false, 40, 128), 128},
		"stateful is not needed": {stateful, mppe(true, 128), 128},
	} {
		l := encrypted(t, test.client, test.server).begin()
		l.mustBeUp()
		for end := range l.ends {
			all := of[Encrypt](l, end)
			if len(all) == 0 {
				t.Fatalf("%s: nothing is encrypted", name)
			}
			e := all[len(all)-1].Encryption
			if e == nil || e.Send.Bits != test.bits || e.Receive.Bits != test.bits || !e.Send.Stateless || !e.Receive.Stateless {
				t.Errorf("%s: %+v", name, e)
			}
		}
		for _, e := range l.seen[theClient] {
			if _, is := e.(Encrypt); is {
				break
			}
			if s, is := e.(Send); is && s.Protocol == ProtocolIPCP {
				t.Errorf("%s: networks began before the encryption", name)
			}
		}
	}
}

// onlyStateful asks for keys that change seldom, whatever it is told.
type onlyStateful struct{ *ccp }

func (l *onlyStateful) request() []option { return []option{l.value(bit128)} }

func (l *onlyStateful) judge(asked []option) (reject, nak []option) {
	if len(asked) == 1 && bytes.Equal(asked[0].value, l.value(bit128).value) {
		l.peer = bit128
		return nil, nil
	}
	return nil, []option{l.value(bit128)}
}

func statefulServer(t *testing.T, client *MPPE) *line {
	l := encrypted(t, client, mppe(true, 128))
	server := l.ends[theServer].ccp
	server.layer = &onlyStateful{server.layer.(*ccp)}
	return l.begin()
}

// All that is allowed is offered at once: pppd ends the link when it is asked for what it has not.
func TestFirstOffer(t *testing.T) {
	l := encrypted(t, mppe(true, 128, 56, 40), mppe(true, 40)).begin()
	l.mustBeUp()
	for _, s := range of[Send](l, theClient) {
		if s.Protocol == ProtocolCCP {
			if got, want := fmt.Sprintf("%x", s.Payload), "0101000a1206010000e0"; got != want {
				t.Errorf("asked for %s, want %s", got, want)
			}
			return
		}
	}
	t.Error("nothing was asked for")
}

// hasty ends the link as soon as it is asked for an encryption that it has not, as pppd does.
type hasty struct{ *ccp }

func (l *hasty) judge(asked []option) (reject, nak []option) {
	if reject, nak = l.ccp.judge(asked); len(nak) > 0 {
		l.m.link.happens(shut)
	}
	return reject, nak
}

// What is not allowed makes no link, and the option that would allow it is named.
func TestWeakEncryptionIsRefused(t *testing.T) {
	pap := newLine(t, 1, Config{Username: testUser, Password: testPassword, Methods: []Method{PAP}, MPPE: mppe(true, 128)}, &gate{login: PAP, password: testPassword})
	impatient := encrypted(t, mppe(true, 128), mppe(true, 40))
	server := impatient.ends[theServer].ccp
	server.layer = &hasty{server.layer.(*ccp)}
	for name, test := range map[string]struct {
		l      *line
		option string
	}{
		"weak keys":                  {encrypted(t, mppe(true, 128), mppe(true, 40)).begin(), "allow-mppe-40"},
		"weak keys, and a quick end": {impatient.begin(), "allow-mppe-40"},
		"no encryption":              {encrypted(t, mppe(true, 128), nil).begin(), "require-mppe"},
		"stateful":                   {statefulServer(t, mppe(true, 128)), "mppe-stateful"},
		"a login that gives no key":  {pap.begin(), "require-mppe"},
	} {
		var d *diag.Diagnostic
		if err := test.l.why(); !errors.As(err, &d) || d.Option != test.option || d.Code != diag.Config || !strings.Contains(d.Error(), test.option) {
			t.Errorf("%s: %v", name, err)
		}
		if len(of[Up](test.l, theClient)) > 0 {
			t.Errorf("%s: there is a network", name)
		}
	}
}

// A gateway that wants a login that is not allowed, and then none, is told of as the former.
func TestNoLoginInPlaceOfAWeakOne(t *testing.T) {
	c := config(MSCHAPv2)
	c.MPPE = mppe(true, 128)
	l := newLine(t, 1, c, &gate{login: PAP, password: testPassword})
	server := l.ends[theServer].link
	server.layer = &meek{server.layer.(*serverLCP)}
	var d *diag.Diagnostic
	if err := l.begin().why(); !errors.As(err, &d) || d.Option != "auth-methods" || !strings.Contains(d.Error(), "PAP") {
		t.Error(err)
	}
}

// meek does without a login rather than ask for another.
type meek struct{ *serverLCP }

func (l *meek) naked([]option) { l.g.login = NoLogin }

func TestStatefulEncryption(t *testing.T) {
	client := mppe(true, 128)
	client.Stateful = true
	l := statefulServer(t, client)
	l.mustBeUp()
	if e := of[Encrypt](l, theClient)[0].Encryption; e.Send.Stateless || e.Receive.Stateless {
		t.Errorf("%+v", e)
	}
}

// Without a need for it, a gateway that does not encrypt is good enough.
func TestNoEncryption(t *testing.T) {
	l := encrypted(t, mppe(false, 128), nil).begin()
	l.mustBeUp()
	if all := of[Encrypt](l, theClient); len(all) > 0 {
		t.Errorf("%+v", all)
	}
	if notes := of[Note](l, theClient); len(notes) != 1 {
		t.Errorf("told %+v", notes)
	}
}

// Between two agreements nothing may leave; the network stays.
func TestEncryptionAnew(t *testing.T) {
	for name, again := range map[string]func(*Machine){
		"of the link": func(m *Machine) { m.link.happens(down); m.lcp.begin(); m.link.happens(up) },
		"of the keys": func(m *Machine) { m.ccp.happens(down); m.ccp.happens(up) },
	} {
		l := encrypted(t, mppe(true, 128), mppe(true, 128)).begin()
		l.mustBeUp()
		server := l.ends[theServer]
		l.took(theServer, server.step(l.now, func() { again(server) }))
		l.run(time.Minute, func() bool { return len(of[Encrypt](l, theClient)) >= 3 && l.up() })
		all := of[Encrypt](l, theClient)
		if len(all) != 3 || all[0].Encryption == nil || all[1].Encryption != nil || all[2].Encryption == nil {
			t.Errorf("%s: %+v", name, all)
		}
		if ups := of[Up](l, theClient); len(ups) != 1 {
			t.Errorf("%s: %+v", name, ups)
		}
	}
}

// The gateway ends the encryption, and so the link.
func TestEncryptionEnds(t *testing.T) {
	l := encrypted(t, mppe(true, 128), mppe(true, 128)).begin()
	l.mustBeUp()
	server := l.ends[theServer]
	l.took(theServer, server.step(l.now, func() { server.ccp.happens(shut) }))
	var d *diag.Diagnostic
	if err := l.why(); !errors.As(err, &d) || d.Code != diag.SessionEnded {
		t.Error(err)
	}
}

func TestEncryptionOverBadLines(t *testing.T) {
	for seed := range uint64(100) {
		c := config(MSCHAPv2)
		c.MPPE = mppe(true, 128)
		l := newLine(t, seed, c, &gate{login: MSCHAPv2, password: testPassword, mppe: mppe(true, 40, 128)})
		l.loss, l.twice, l.jitter = 0.2, 0.1, 200*time.Millisecond
		l.begin().mustBeUp()
	}
}

func TestKeysOf(t *testing.T) {
	one, two, zeros := strings.Repeat("11", 16), strings.Repeat("22", 16), strings.Repeat("00", 16)
	for name, test := range map[string]struct{ key, send, receive string }{
		"none":              {"", "", ""},
		"MS-CHAPv2":         {one + two, one, two},
		"EAP-MSCHAPv2":      {one + two + zeros + zeros, one, two},
		"EAP-TLS":           {one + one + two + two, one, two},
		"of another length": {one + one + two, "", ""},
	} {
		key, err := hex.DecodeString(test.key)
		if err != nil {
			t.Fatal(err)
		}
		if k := keysOf(key); hex.EncodeToString(k.send) != test.send || hex.EncodeToString(k.receive) != test.receive {
			t.Errorf("%s: %x", name, k)
		}
	}
}
