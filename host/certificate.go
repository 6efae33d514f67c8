package host

import (
	"crypto"
	"crypto/ed25519"
	"crypto/rsa"
	"crypto/x509"
	"slices"

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

// fits says whether key can sign that digest. Without a name of a hash Ed25519 signs a
// message, and RSA what IKEv1 proves itself by: something as long as a hash, so that it is
// nothing with a name.
func fits(key crypto.PublicKey, hash crypto.Hash, digest []byte) bool {
	_, edwards := key.(ed25519.PublicKey)
	_, isRSA := key.(*rsa.PublicKey)
	switch {
	case hash == 0 && isRSA:
		return slices.Contains([]int{20, 32, 48, 64}, len(digest))
	case edwards || hash == 0:
		return edwards && hash == 0
	}
	return len(digest) == hash.Size()
}

// sign answers m when the user's key has signed; a token may take its time.
func (c *connection) sign(m *pluginpb.FromPlugin, s *pluginpb.Sign) {
	opts, known := s.SignerOpts()
	switch {
	case c.cert == nil:
		c.reply(m, diag.New(diag.Config, "there is no client certificate to sign with", "Set the option usercert.").With("usercert"))
		return
	case !known || !fits(c.cert.Leaf().PublicKey, opts.HashFunc(), s.GetDigest()):
		c.reply(m, diag.Newf(diag.Invalid, "a digest of %d bytes by hash %d", len(s.GetDigest()), s.GetHash()))
		return
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
