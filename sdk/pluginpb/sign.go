package pluginpb

import (
	"crypto"
	"crypto/rsa"
)

var signHashes = map[Sign_Hash]crypto.Hash{
	Sign_NONE: 0, Sign_SHA1: crypto.SHA1, Sign_SHA256: crypto.SHA256, Sign_SHA384: crypto.SHA384, Sign_SHA512: crypto.SHA512,
}

// SignHash is the contract's name of a hash; false: it has none.
func SignHash(hash crypto.Hash) (Sign_Hash, bool) {
	for name, h := range signHashes {
		if h == hash {
			return name, true
		}
	}
	return 0, false
}

// SignerOpts is how m is to be signed; false: the hash is unknown.
func (m *Sign) SignerOpts() (crypto.SignerOpts, bool) {
	hash, known := signHashes[m.GetHash()]
	if m.GetPss() {
		return &rsa.PSSOptions{SaltLength: rsa.PSSSaltLengthEqualsHash, Hash: hash}, known
	}
	return hash, known
}
