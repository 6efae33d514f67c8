package dtls

import (
	"crypto/hmac"
	"encoding/binary"
	"hash"
)

const (
	masterSize   = 48 // bytes
	randomSize   = 32 // bytes
	finishedSize = 12 // bytes of verify_data
)

// prf is the pseudo-random function of TLS 1.2 (RFC 5246 section 5), n bytes of it.
func prf(h func() hash.Hash, secret []byte, label string, seed []byte, n int) []byte {
	seed = append([]byte(label), seed...)
	out := make([]byte, 0, n+h().Size())
	mac := hmac.New(h, secret)
	for a := seed; len(out) < n; {
		a = macOf(mac, a, nil)
		out = append(out, macOf(mac, a, seed)...)
	}
	return out[:n]
}

func macOf(mac hash.Hash, a, b []byte) []byte {
	mac.Reset()
	mac.Write(a)
	mac.Write(b)
	return mac.Sum(nil)
}

// pskPremaster is the premaster secret of plain PSK (RFC 4279 section 2): as many
// zeros as the key has bytes, then the key, each with its length.
func pskPremaster(key []byte) []byte {
	out := make([]byte, 2+len(key), 4+2*len(key))
	binary.BigEndian.PutUint16(out, uint16(len(key)))
	out = binary.BigEndian.AppendUint16(out, uint16(len(key)))
	return append(out, key...)
}

// keyBlock cuts the key block (RFC 5246 section 6.3) into the client's half and the server's.
func keyBlock(s *Suite, master, clientRandom, serverRandom []byte) (client, server *half, err error) {
	seed := append(append([]byte(nil), serverRandom...), clientRandom...)
	block := prf(s.hash, master, "key expansion", seed, 2*(s.keySize+s.ivSize))
	cut := func(n int) []byte {
		part := block[:n]
		block = block[n:]
		return part
	}
	clientKey, serverKey := cut(s.keySize), cut(s.keySize)
	clientIV, serverIV := cut(s.ivSize), cut(s.ivSize)
	if client, err = newHalf(s, clientKey, clientIV); err != nil {
		return nil, nil, err
	}
	server, err = newHalf(s, serverKey, serverIV)
	return client, server, err
}
