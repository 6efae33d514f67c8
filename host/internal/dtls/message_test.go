package dtls

import (
	"bytes"
	"errors"
	"math/rand/v2"
	"testing"
)

func TestAssemblerAnyOrder(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	for range 300 {
		var all []fragment
		var want [][]byte
		for number := range uint16(4) {
			body := make([]byte, r.IntN(200))
			for i := range body {
				body[i] = byte(r.Uint32())
			}
			want = append(want, body)
			all = append(all, cut(r, fragment{kind: byte(number), length: len(body), number: number, body: body})...)
		}
		r.Shuffle(len(all), func(i, j int) { all[i], all[j] = all[j], all[i] })
		var a assembler
		var got [][]byte
		for _, f := range append(all, all[0]) { // one of them twice
			if err := a.add(f); err != nil {
				t.Fatal(err)
			}
			for kind, number, body, ok := a.take(); ok; kind, number, body, ok = a.take() {
				if int(kind) != len(got) || int(number) != len(got) {
					t.Fatalf("message %d of kind %d came as number %d", number, kind, len(got))
				}
				got = append(got, body)
			}
		}
		for i := range want {
			if i >= len(got) || !bytes.Equal(got[i], want[i]) {
				t.Fatalf("message %d differs", i)
			}
		}
	}
}

// cut makes overlapping fragments of m.
func cut(r *rand.Rand, m fragment) []fragment {
	var parts []fragment
	for at := 0; at < m.length || len(parts) == 0; {
		size := min(1+r.IntN(60), m.length-at)
		from := at - min(at, r.IntN(5))
		part := m
		part.offset, part.body = from, m.body[from:at+size]
		parts = append(parts, part)
		at += size
	}
	return parts
}

func TestAssemblerBounds(t *testing.T) {
	var a assembler
	if err := a.add(fragment{length: maxMessage + 1}); err == nil {
		t.Error("a huge message is accepted")
	}
	for number := range uint16(100) {
		if err := a.add(fragment{number: number + 1, length: 10}); err != nil {
			t.Fatal(err)
		}
	}
	if len(a.pending) > maxAhead {
		t.Errorf("%d messages are kept", len(a.pending))
	}
	_ = a.add(fragment{kind: 1, number: 0, length: 2, body: []byte{7}})
	_ = a.add(fragment{kind: 2, number: 0, length: 2, offset: 1, body: []byte{9}})
	if _, _, _, ok := a.take(); ok {
		t.Error("fragments of two kinds make one message")
	}
}

func TestParseServerHelloRefuses(t *testing.T) {
	good := append([]byte{0xfe, 0xfd}, make([]byte, randomSize)...)
	good = append(good, 2, 'i', 'd', 0x00, 0xa9, 0)
	with := func(tail ...byte) []byte { return append(bytes.Clone(good), tail...) }
	bad := map[string][]byte{
		"nothing":            nil,
		"short":              good[:len(good)-1],
		"compression":        append(bytes.Clone(good[:len(good)-1]), 1),
		"trailing":           with(1),
		"extension length":   with(0, 5, 0, 0x17, 0, 0),
		"extension cut":      with(0, 4, 0, 0x17, 0, 1),
		"extension twice":    with(0, 8, 0, 0x17, 0, 0, 0, 0x17, 0, 0),
		"never offered":      with(0, 4, 0, 0x23, 0, 0),
		"EMS with a payload": with(0, 5, 0, 0x17, 0, 1, 0),
		"renegotiation":      with(0, 6, 0xff, 0x01, 0, 2, 1, 9),
	}
	for name, b := range bad {
		if _, err := parseServerHello(b); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
	m, err := parseServerHello(with(0, 9, 0, 0x17, 0, 0, 0xff, 0x01, 0, 1, 0))
	if err != nil || !m.extended || string(m.sessionID) != "id" || m.suite != 0xa9 {
		t.Errorf("got %+v, %v", m, err)
	}
	if _, err := parseServerHello(good); err != nil {
		t.Errorf("without extensions: %v", err)
	}
}

func TestAlerts(t *testing.T) {
	if err := parseAlert([]byte{1, 0}); err != errClosed {
		t.Errorf("close_notify: %v", err)
	}
	if err := parseAlert([]byte{1, 90}); err != nil {
		t.Errorf("a warning: %v", err)
	}
	var alert *AlertError
	if err := parseAlert([]byte{2, 115}); !errors.As(err, &alert) || alert.Description != 115 {
		t.Errorf("fatal: %v", err)
	}
	if err := parseAlert([]byte{2}); err != nil {
		t.Errorf("cut: %v", err)
	}
}

func TestConfigRefuses(t *testing.T) {
	bad := map[string]Config{
		"nothing":        {},
		"both":           {PSK: testPSK, MasterSecret: make([]byte, 48), SessionID: []byte("x")},
		"long id":        {PSK: testPSK, SessionID: make([]byte, 33)},
		"long identity":  {PSK: testPSK, PSKIdentity: string(make([]byte, 513))},
		"short master":   {MasterSecret: make([]byte, 47), SessionID: []byte("x")},
		"no session":     {MasterSecret: make([]byte, 48)},
		"unknown suite":  {PSK: testPSK, CipherSuites: []string{"TLS_NULL"}},
		"of another way": {PSK: testPSK, CipherSuites: []string{"TLS_RSA_WITH_AES_128_GCM_SHA256"}},
	}
	for name, c := range bad {
		if _, err := newHandshake(c); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
}

func FuzzParseFragment(f *testing.F) {
	f.Add(message(msgServerHelloDone, 3, nil))
	f.Add(fragment{kind: msgFinished, length: 12, number: 9, offset: 4, body: []byte("abc")}.Append(nil))
	f.Fuzz(func(t *testing.T, b []byte) {
		m, rest, ok := parseFragment(b)
		if !ok {
			return
		}
		if again := append(m.Append(nil), rest...); !bytes.Equal(again, b) {
			t.Errorf("% x became % x", b, again)
		}
		var a assembler
		_ = a.add(m)
	})
}

func FuzzParseServerHello(f *testing.F) {
	f.Add(append(append([]byte{0xfe, 0xfd}, make([]byte, randomSize)...), 2, 'i', 'd', 0x00, 0xa9, 0, 0, 4, 0, 0x17, 0, 0))
	f.Fuzz(func(t *testing.T, b []byte) {
		m, err := parseServerHello(b)
		if err == nil && (len(m.random) != randomSize || len(m.sessionID) > 32) {
			t.Errorf("got %+v", m)
		}
		if cookie, err := parseHelloVerifyRequest(b); err == nil && len(cookie) > 255 {
			t.Errorf("cookie of %d bytes", len(cookie))
		}
	})
}

// FuzzHandshake feeds datagrams to a client that waits for its ServerHello.
func FuzzHandshake(f *testing.F) {
	f.Add(appendPlain(nil, typeHandshake, 0, message(msgHelloVerifyRequest, 0, []byte{0xfe, 0xff, 2, 1, 2})), true)
	f.Add(appendPlain(nil, typeAlert, 0, []byte{2, 40}), false)
	f.Fuzz(func(t *testing.T, b []byte, psk bool) {
		c := Config{PSK: testPSK, PSKIdentity: "psk"}
		if !psk {
			c = Config{MasterSecret: make([]byte, masterSize), SessionID: []byte("id")}
		}
		hs, err := newHandshake(c)
		if err != nil {
			t.Fatal(err)
		}
		_ = hs.datagram(b, make([]byte, maxDatagram))
		if hs.done {
			t.Error("a handshake with nobody")
		}
	})
}
