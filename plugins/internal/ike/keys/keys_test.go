package keys

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"encoding/hex"
	"math/big"
	"testing"

	"github.com/penstock-vpn/penstock/plugins/internal/ike"
)

func unhex(t testing.TB, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(s)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// RFC 3526 and RFC 2409: the last words of each prime, and that it is one and safe.
func TestPrimes(t *testing.T) {
	for m, tail := range map[modp]string{
		modp1024: "49286651ece65381ffffffffffffffff", modp1536: "f1746c08ca237327ffffffffffffffff",
		modp2048: "15728e5a8aacaa68ffffffffffffffff", modp3072: "4b82d120a93ad2caffffffffffffffff",
		modp4096: "f435c934063199ffffffffffffffff", modp6144: "e694f91e6dcc4024ffffffffffffffff",
		modp8192: "60c980dd98edd3dfffffffffffffffff",
	} {
		p := m.prime()
		if got := hex.EncodeToString(p.Bytes()); uint(p.BitLen()) != m.bits || got[len(got)-len(tail):] != tail {
			t.Errorf("modp%d ends with %s", m.bits, got[len(got)-32:])
		}
		if m.bits <= 2048 && (!p.ProbablyPrime(1) || !new(big.Int).Rsh(p, 1).ProbablyPrime(1)) {
			t.Errorf("modp%d is no safe prime", m.bits)
		}
	}
}

func TestGroupsAgree(t *testing.T) {
	for _, g := range Groups {
		a, err := g.Begin(rand.Reader)
		if err != nil {
			t.Fatal(err)
		}
		b, err := g.Begin(rand.Reader)
		if err != nil {
			t.Fatal(err)
		}
		s, err := a.Secret(b.Public())
		if err != nil {
			t.Fatal(err)
		}
		if u, err := b.Secret(a.Public()); err != nil || !bytes.Equal(s, u) {
			t.Errorf("%s: %x and %x, %v", g.Name, s, u, err)
		}
		zero := make([]byte, len(a.Public()))
		for _, bad := range [][]byte{nil, zero, zero[1:], append(b.Public(), 0)} {
			if s, err := a.Secret(bad); err == nil {
				t.Errorf("%s: %x with the public value %x", g.Name, s, bad)
			}
		}
		if found, err := FindGroup(g.ID); err != nil || found != g {
			t.Errorf("%s is not found: %v", g.Name, err)
		}
	}
}

// RFC 5903 section 8.1.
func TestECP256(t *testing.T) {
	i := unhex(t, "C88F01F510D9AC3F70A292DAA2316DE544E9AAB8AFE84049C62A9C57862D1433")
	pub := "DAD0B65394221CF9B051E1FECA5787D098DFE637FC90B9EF945D0C37725811805271A0461CDB8252D61F1C456FA3E59AB1F45B33ACCF5F58389E0577B8990BB3"
	other := "D12DFB5289C8D4F81208B70270398C342296970A0BCCB74C736FC7554494BF6356FBF3CA366CC23E8157854C13C58D6AAC23F046ADA30F8353E74F33039872AB"
	g, _ := FindGroup(19)
	x, err := g.Begin(bytes.NewReader(i))
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(x.Public(), unhex(t, pub)) {
		t.Errorf("public %X", x.Public())
	}
	s, err := x.Secret(unhex(t, other))
	if want := unhex(t, "D6840F6B42F6EDAFD13116E0E12565202FEF8E9ECE7DCE03812464D04B9442DE"); err != nil || !bytes.Equal(s, want) {
		t.Errorf("%X, want %X; %v", s, want, err)
	}
}

// RFC 7427 appendix A.
func TestAlgorithmIdentifiers(t *testing.T) {
	for name, want := range map[string]string{
		"rsa-sha256":   "300d06092a864886f70d01010b0500",
		"rsa-sha512":   "300d06092a864886f70d01010d0500",
		"ecdsa-sha384": "300a06082a8648ce3d040303",
		"rsa-pss-sha256": "304106092a864886f70d01010a3034a00f300d06096086480165030402010500" +
			"a11c301a06092a864886f70d010108300d06096086480165030402010500a203020120",
		"ed25519": "300506032b6570",
	} {
		for _, s := range schemes {
			if s.Name == name && hex.EncodeToString(s.algorithm) != want {
				t.Errorf("%s: %x, want %s", name, s.algorithm, want)
			}
		}
	}
}

func suites() []Suite {
	var all []Suite
	for _, c := range Ciphers {
		if c.AEAD() {
			all = append(all, Suite{c, nil, PRFs[0], Groups[0], nil})
			continue
		}
		for _, i := range Integrities {
			all = append(all, Suite{c, i, PRFs[1], Groups[0], nil})
		}
	}
	return all
}

func TestProtection(t *testing.T) {
	payloads := []ike.Payload{&ike.ID{Kind: ike.IDFQDN, Data: []byte("alice")}, ike.Vendor(bytes.Repeat([]byte("x"), 1500))}
	h := ike.Header{Initiator: ike.SPI{1}, Responder: ike.SPI{2}, Exchange: ike.Auth, MessageID: 1}
	for _, s := range suites() {
		k := s.NewSchedule([]byte("secret"), []byte("ni"), []byte("nr"), h.Initiator, h.Responder)
		us, err := s.Protect(k, true, rand.Reader)
		if err != nil {
			t.Fatal(err)
		}
		they, err := s.Protect(k, false, rand.Reader)
		if err != nil {
			t.Fatal(err)
		}
		one, err := us.Seal(h, payloads)
		if err != nil {
			t.Fatal(err)
		}
		if got := open(t, they, one); !bytes.Equal(got, ike.AppendPayloads(nil, payloads)) {
			t.Errorf("%s: %x", s, got)
		}
		if m, _ := ike.Parse(one); m.Sealed.Inner != ike.TypeIDi {
			t.Errorf("%s: begins with %v", s, m.Sealed.Inner)
		}
		pieces, err := us.SealFragments(h, payloads, 576)
		if err != nil || len(pieces) < 3 {
			t.Fatalf("%s: %d fragments, %v", s, len(pieces), err)
		}
		var whole []byte
		for _, p := range pieces {
			if len(p) > 576 {
				t.Errorf("%s: a fragment of %d bytes", s, len(p))
			}
			whole = append(whole, open(t, they, p)...)
		}
		if !bytes.Equal(whole, ike.AppendPayloads(nil, payloads)) {
			t.Errorf("%s: fragments give %x", s, whole)
		}
		for at := range one {
			changed := bytes.Clone(one)
			changed[at] ^= 1
			if m, err := ike.Parse(changed); err == nil && m.Sealed != nil {
				if _, err := they.Open(changed, m); err == nil {
					t.Fatalf("%s: byte %d changed, and it is authentic", s, at)
				}
			}
		}
	}
}

func open(t *testing.T, p *Protection, b []byte) []byte {
	t.Helper()
	m, err := ike.Parse(b)
	if err != nil {
		t.Fatal(err)
	}
	plain, err := p.Open(b, m)
	if err != nil {
		t.Fatal(err)
	}
	return plain
}

func TestSignatures(t *testing.T) {
	rsaKey, err := rsa.GenerateKey(rand.Reader, 2048)
	noError(t, err)
	_, ed, err := ed25519.GenerateKey(rand.Reader)
	noError(t, err)
	signers := []crypto.Signer{rsaKey, ed}
	for _, c := range []elliptic.Curve{elliptic.P256(), elliptic.P384(), elliptic.P521()} {
		k, err := ecdsa.GenerateKey(c, rand.Reader)
		noError(t, err)
		signers = append(signers, k)
	}
	octets := []byte("what is signed")
	for _, signer := range signers {
		for _, named := range [][]uint16{Hashes, {hashSHA256}, {hashSHA512}, nil} {
			for _, plain := range []bool{false, true} {
				s, err := SchemeFor(signer.Public(), named, plain)
				if err != nil {
					if _, isEd := signer.(ed25519.PrivateKey); !isEd {
						t.Errorf("%T, %v: %v", signer, named, err)
					}
					continue
				}
				digest, opts := s.Digest(octets)
				sig, err := signer.Sign(rand.Reader, digest, opts)
				noError(t, err)
				a, err := s.Payload(signer.Public(), sig)
				noError(t, err)
				if err := Verify(signer.Public(), a, octets, named != nil); err != nil {
					t.Errorf("%s by %T: %v", s.Name, signer, err)
				}
				if Verify(signer.Public(), a, []byte("something else"), false) == nil {
					t.Errorf("%s: verifies another text", s.Name)
				}
				if plain && s.pss {
					t.Errorf("%s although plain", s.Name)
				}
			}
		}
	}
	if Verify(rsaKey.Public(), &ike.AuthData{Method: ike.AuthRSA, Data: []byte("x")}, octets, true) == nil {
		t.Error("SHA-1 is accepted from one who knows better")
	}
}

func noError(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// A signature's bytes are a stranger's before they are checked.
func FuzzVerify(f *testing.F) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(uint8(14), []byte("\x0c0\n\x06\x08*\x86H\xce=\x04\x03\x020"))
	f.Add(uint8(9), bytes.Repeat([]byte{1}, 64))
	f.Fuzz(func(t *testing.T, method uint8, data []byte) {
		if Verify(key.Public(), &ike.AuthData{Method: ike.AuthMethod(method), Data: data}, []byte("octets"), false) == nil {
			t.Fatalf("%d %x verifies", method, data)
		}
	})
}

// Open takes what anybody sends to the port.
func FuzzOpen(f *testing.F) {
	var all []*Protection
	for _, s := range suites() {
		k := s.NewSchedule([]byte("secret"), []byte("ni"), []byte("nr"), ike.SPI{1}, ike.SPI{2})
		p, err := s.Protect(k, false, rand.Reader)
		if err != nil {
			f.Fatal(err)
		}
		all = append(all, p)
	}
	f.Add(ike.AppendSealed(nil, ike.Header{}, ike.Sealed{Inner: ike.TypeIDi}, 64))
	f.Add(ike.AppendSealed(nil, ike.Header{}, ike.Sealed{Number: 1, Of: 1}, 0))
	f.Fuzz(func(t *testing.T, b []byte) {
		m, err := ike.Parse(b)
		if err != nil || m.Sealed == nil {
			return
		}
		for _, p := range all {
			if _, err := p.Open(b, m); err == nil {
				t.Fatalf("%x is authentic", b)
			}
		}
	})
}
