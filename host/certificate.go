package host

import (
	"crypto"
	"crypto/ed25519"
	"crypto/rsa"
	"crypto/x509"

	"github.com/penstock-vpn/penstock/sdk/diag"
	"github.com/penstock-vpn/penstock/sdk/pluginpb"
)

// verifyChain answers m when the chain is verified, which may be for the user to say.
func (c *connection) verifyChain(m *pluginpb.FromPlugin, v *pluginpb.VerifyChain) {
	var chain []*x509.Certificate
	for _, der := range v.GetChain() {
		cert, err := x509.ParseCertificate(der)
		if err != nil {
			c.reply(m, diag.New(diag.Certificate, "the gateway's certificate cannot be read", err.Error()))
			return
		}
		chain = append(chain, cert)
	}
	if len(chain) == 0 {
		c.reply(m, diag.Newf(diag.Invalid, "a chain without certificates"))
		return
	}
	l, known := c.life, v.GetName()
	if known == "" {
		known = "the gateway"
	}
	go func() {
		err := c.dialer.VerifyChain(l.ctx, known, v.GetName(), chain)
		c.postTo(l, func() { c.reply(m, err) })
	}()
}

func (c *connection) clientCertificate(m *pluginpb.FromPlugin) {
	answer := &pluginpb.Certificate{}
	if c.cert != nil {
		answer.Chain = c.cert.Chain()
	}
	c.send(&pluginpb.FromHost{Re: m.Id, Message: &pluginpb.FromHost_Certificate{Certificate: answer}})
}

var hashes = map[pluginpb.Sign_Hash]crypto.Hash{
	pluginpb.Sign_NONE: 0, pluginpb.Sign_SHA1: crypto.SHA1,
	pluginpb.Sign_SHA256: crypto.SHA256, pluginpb.Sign_SHA384: crypto.SHA384, pluginpb.Sign_SHA512: crypto.SHA512,
}

// fits says whether key can sign that digest: without a hash only Ed25519 does, RSA would
// sign anything.
func fits(key crypto.PublicKey, hash crypto.Hash, digest []byte) bool {
	if _, edwards := key.(ed25519.PublicKey); edwards || hash == 0 {
		return edwards && hash == 0
	}
	return len(digest) == hash.Size()
}

// sign answers m when the user's key has signed; a token may take its time.
func (c *connection) sign(m *pluginpb.FromPlugin, s *pluginpb.Sign) {
	hash, known := hashes[s.GetHash()]
	switch {
	case c.cert == nil:
		c.reply(m, diag.New(diag.Config, "there is no client certificate to sign with", "Set the option usercert.").With("usercert"))
		return
	case !known || !fits(c.cert.Leaf().PublicKey, hash, s.GetDigest()):
		c.reply(m, diag.Newf(diag.Invalid, "a digest of %d bytes by hash %d", len(s.GetDigest()), s.GetHash()))
		return
	}
	var opts crypto.SignerOpts = hash
	if s.GetPss() {
		opts = &rsa.PSSOptions{SaltLength: rsa.PSSSaltLengthEqualsHash, Hash: hash}
	}
	l, cert := c.life, c.cert
	go func() {
		signature, err := cert.Sign(s.GetDigest(), opts)
		c.postTo(l, func() {
			if err != nil {
				c.reply(m, diag.New(diag.Certificate, "the client's key does not sign", err.Error()).With("userkey"))
				return
			}
			c.send(&pluginpb.FromHost{Re: m.Id, Message: &pluginpb.FromHost_Signature{Signature: &pluginpb.Signature{Signature: signature}}})
		})
	}()
}
