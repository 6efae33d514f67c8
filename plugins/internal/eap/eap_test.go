package eap

import (
	"bytes"
	"encoding/hex"
	"errors"
	"strings"
	"testing"
)

func unhex(t testing.TB, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(strings.ReplaceAll(s, " ", ""))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// RFC 2759 section 9.2.
func TestMSCHAPv2Vectors(t *testing.T) {
	challenge := unhex(t, "5B5D7C7D7B3F2F3E3C2C602132262628")
	peer := unhex(t, "21402324255E262A28295F2B3A337C7E")
	if got := challengeHash(peer, challenge, `CORP\User`); !bytes.Equal(got, unhex(t, "D02E4386BCE91226")) {
		t.Errorf("challenge hash %X", got)
	}
	if got := ntPasswordHash("clientPass"); !bytes.Equal(got, unhex(t, "44EBBA8D5312B8D611474411F56989AE")) {
		t.Errorf("password hash %X", got)
	}
	response := ntResponse(challenge, peer, "User", "clientPass")
	if !bytes.Equal(response, unhex(t, "82309ECD8D708B5EA08FAA3981CD83544233114A3D85D6DF")) {
		t.Errorf("NT-Response %X", response)
	}
	if got := authenticatorResponse("clientPass", response, peer, challenge, "User"); got != "S=407A5589115FD0D6209F510FE9C04566932CDA56" {
		t.Errorf("authenticator response %s", got)
	}
	// RFC 3079 section 3.5.3 has the gateway's send key from the same values.
	if got := masterSessionKey("clientPass", response)[16:32]; !bytes.Equal(got, unhex(t, "8B7CDC149B993A1BA118CB153F56DCCB")) {
		t.Errorf("send key %X", got)
	}
}

// challengePacket is the gateway's, with the vector's values.
func challengePacket(t *testing.T) []byte {
	body := append([]byte{opChallenge, 9, 0, 26, challengeSize}, unhex(t, "5B5D7C7D7B3F2F3E3C2C602132262628")...)
	return Packet{Request, 3, TypeMSCHAPv2, append(body, "gateway"...)}.Append(nil)
}

func vectorPeer(t *testing.T) *Peer {
	random := bytes.NewReader(unhex(t, "21402324255E262A28295F2B3A337C7E"))
	return NewPeer("User", MSCHAPv2("User", "clientPass", random), MD5("alice", "clientPass"))
}

func TestMSCHAPv2(t *testing.T) {
	p := vectorPeer(t)
	reply, err := p.Handle(Packet{Request, 2, TypeIdentity, []byte("who?")}.Append(nil))
	if want := (Packet{Response, 2, TypeIdentity, []byte("User")}).Append(nil); err != nil || !bytes.Equal(reply, want) {
		t.Fatalf("identity: %x, %v", reply, err)
	}
	reply, err = p.Handle(challengePacket(t))
	if err != nil || !bytes.Contains(reply, unhex(t, "82309ECD8D708B5EA08FAA3981CD83544233114A3D85D6DF")) || !bytes.HasSuffix(reply, []byte("User")) {
		t.Fatalf("response: %x, %v", reply, err)
	}
	if _, err := p.Handle(Packet{Code: Success, ID: 4}.Append(nil)); err == nil {
		t.Fatal("success before the gateway has proved that it knows the password")
	}
	success := append([]byte{opSuccess, 9, 0, 0}, "S=407A5589115FD0D6209F510FE9C04566932CDA56 M=Welcome"...)
	if _, err = p.Handle(Packet{Request, 4, TypeMSCHAPv2, success}.Append(nil)); err != nil {
		t.Fatal(err)
	}
	if reply, err := p.Handle(Packet{Code: Success, ID: 4}.Append(nil)); reply != nil || err != nil {
		t.Fatalf("success: %x, %v", reply, err)
	}
	if len(p.Key()) != 64 {
		t.Errorf("key of %d bytes", len(p.Key()))
	}
}

func TestMSCHAPv2Refusals(t *testing.T) {
	for body, words := range map[string]string{
		"\x04\x09\x00\x00E=691 R=1 C=00 V=3 M=No": "wrong",
		"\x04\x09\x00\x00E=648 R=0":               "expired",
		"\x04\x09\x00\x00E=1\x1b[2J odd":          "E=1[2J odd",
	} {
		p := vectorPeer(t)
		if _, err := p.Handle(challengePacket(t)); err != nil {
			t.Fatal(err)
		}
		_, err := p.Handle(Packet{Request, 4, TypeMSCHAPv2, []byte(body)}.Append(nil))
		var refused *Refused
		if !errors.As(err, &refused) || !strings.Contains(refused.Reason, words) {
			t.Errorf("%q: %v, want %q", body, err, words)
		}
	}
	p := vectorPeer(t)
	_, _ = p.Handle(challengePacket(t))
	if _, err := p.Handle(Packet{Request, 4, TypeMSCHAPv2, []byte("\x03\x09\x00\x00S=00 M=")}.Append(nil)); err == nil {
		t.Error("a gateway that does not know the password is believed")
	}
	if _, err := p.Handle(challengePacket(t)); err == nil {
		t.Error("a second challenge is answered")
	}
}

// RFC 1994's computation: MD5 of identifier, secret and challenge; the name follows.
func TestMD5(t *testing.T) {
	p := NewPeer("alice", MD5("alice", "secret"))
	reply, err := p.Handle(Packet{Request, 7, TypeMD5, append([]byte{4}, "test"...)}.Append(nil))
	want := Packet{Response, 7, TypeMD5, append(append([]byte{16}, unhex(t, "26cb55c5a58a0d1766d11f6c9edcd4c3")...), "alice"...)}
	if err != nil || !bytes.Equal(reply, want.Append(nil)) {
		t.Fatalf("%x, %v", reply, err)
	}
	if _, err := p.Handle(Packet{Code: Success, ID: 8}.Append(nil)); err != nil || p.Key() != nil {
		t.Errorf("success %v, key %x", err, p.Key())
	}
}

func TestGTC(t *testing.T) {
	p := NewPeer("alice", GTC("secret"))
	reply, err := p.Handle(Packet{Request, 1, TypeGTC, []byte("Password:")}.Append(nil))
	if want := (Packet{Response, 1, TypeGTC, []byte("secret")}).Append(nil); err != nil || !bytes.Equal(reply, want) {
		t.Fatalf("%x, %v", reply, err)
	}
	_, err = p.Handle(Packet{Request, 2, TypeGTC, []byte("Code \x1b[1mnow\x07: ")}.Append(nil))
	var q *Question
	if !errors.As(err, &q) || q.Text != "Code [1mnow:" {
		t.Fatalf("%v", err)
	}
	reply, err = p.Answer("123456")
	if want := (Packet{Response, 2, TypeGTC, []byte("123456")}).Append(nil); err != nil || !bytes.Equal(reply, want) {
		t.Fatalf("%x, %v", reply, err)
	}
	if _, err := p.Answer("again"); err == nil {
		t.Error("an answer that nobody asked for")
	}
}

func TestNak(t *testing.T) {
	p := vectorPeer(t)
	reply, err := p.Handle(Packet{Request, 5, TypeTLS, []byte{0x20}}.Append(nil))
	if want := (Packet{Response, 5, TypeNak, []byte{26, 4}}).Append(nil); err != nil || !bytes.Equal(reply, want) {
		t.Fatalf("%x, %v", reply, err)
	}
	var unwanted *Unwanted
	if _, err := p.Handle(Packet{Code: Failure, ID: 5}.Append(nil)); !errors.As(err, &unwanted) || unwanted.Type != TypeTLS {
		t.Errorf("after that it fails with %v", err)
	}
}

// A gateway may say anything, in any order.
func FuzzHandle(f *testing.F) {
	f.Add([]byte{1, 1, 0, 5, 1}, []byte{3, 2, 0, 4})
	f.Add(Packet{Request, 2, TypeMD5, []byte{1, 2}}.Append(nil), Packet{Request, 2, TypeGTC, []byte("x")}.Append(nil))
	f.Add(Packet{Request, 2, TypeMSCHAPv2, append([]byte{1, 1, 0, 0, 16}, make([]byte, 20)...)}.Append(nil), Packet{Request, 2, TypeMSCHAPv2, []byte("\x03\x01\x00\x00S=")}.Append(nil))
	f.Fuzz(func(t *testing.T, a, b []byte) {
		p := NewPeer("alice", MSCHAPv2("alice", "secret", bytes.NewReader(make([]byte, 16))), GTC("secret"), MD5("alice", "secret"))
		for _, packet := range [][]byte{a, b} {
			reply, err := p.Handle(packet)
			if err != nil || reply == nil {
				continue
			}
			if r, err := Parse(reply); err != nil || r.Code != Response || r.ID != packet[1] {
				t.Fatalf("%x is answered with %x, %v", packet, reply, err)
			}
		}
	})
}
