package eap

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha1"
	"errors"
	"io"
)

// The attribute that binds the tunnel and what went on in it, [MS-PEAP] section 2.2.8.1.1:
//
//	type, length | reserved, version, received version, subtype | nonce | MAC
const (
	bindingHeader   = 4 + 4
	bindingNonce    = 32
	bindingSize     = bindingHeader + bindingNonce + sha1.Size
	bindingSubtype  = 7
	bindingRequest  = 0
	bindingResponse = 1
)

// bind checks that the server knows the keys of the tunnel and of the method within, and
// answers that we do. Then the key of both is the one.
func (p *peap) bind(request []byte) ([]byte, error) {
	const temporarySize, intermediateSize = 40, 40
	var inner [32]byte // zeros for a method without a key
	copy(inner[:], p.peer.current.Key())
	keys := peapPRF(p.material[:temporarySize], []byte("Inner Methods Compound Keys"), inner[:], intermediateSize+sha1.Size)
	mac := keys[intermediateSize:]

	sent := request[bindingHeader+bindingNonce:]
	if request[bindingSubtype] != bindingRequest || !hmac.Equal(sent, bindingMAC(mac, request)) {
		return nil, errors.New("the server at the end of the tunnel is not the one that the password was proved to")
	}
	own := bytes.Clone(request)
	own[bindingSubtype] = bindingResponse
	if _, err := io.ReadFull(p.random, own[bindingHeader:bindingHeader+bindingNonce]); err != nil {
		return nil, err
	}
	copy(own[bindingHeader+bindingNonce:], bindingMAC(mac, own))
	p.bound = peapPRF(keys[:intermediateSize], []byte("Session Key Generating Function"), []byte{0}, materialSize)[:keySize]
	return own, nil
}

// bindingMAC covers the attribute with zeros for the MAC, and the type of PEAP.
func bindingMAC(key, attribute []byte) []byte {
	h := hmac.New(sha1.New, key)
	h.Write(attribute[:bindingHeader+bindingNonce])
	h.Write(make([]byte, sha1.Size))
	h.Write([]byte{byte(TypePEAP)})
	return h.Sum(nil)
}

// peapPRF is PRF+ of [MS-PEAP] section 3.1.5.5.2.2.
func peapPRF(key, label, seed []byte, n int) []byte {
	var out, last []byte
	for i := byte(1); len(out) < n; i++ {
		h := hmac.New(sha1.New, key)
		h.Write(last)
		h.Write(label)
		h.Write(seed)
		h.Write([]byte{i, 0, 0})
		last = h.Sum(nil)
		out = append(out, last...)
	}
	return out[:n]
}
