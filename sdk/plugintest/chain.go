package plugintest

import (
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"

	"github.com/penstock-vpn/penstock/sdk/diag"
	"github.com/penstock-vpn/penstock/sdk/pluginpb"
)

func (r *Run) handleVerifyChain(id uint64, m *pluginpb.VerifyChain) {
	var chain []*x509.Certificate
	for _, der := range m.GetChain() {
		c, err := x509.ParseCertificate(der)
		if err != nil {
			r.fault("had something verified that is no certificate: %v", err)
			r.refuse(id, diag.Newf(diag.Invalid, "%v", err))
			return
		}
		chain = append(chain, c)
	}
	if len(chain) == 0 || id == 0 {
		r.fault("had a chain of %d certificates verified, with id %d", len(chain), id)
	}
	r.h.goes(func() {
		if r.h.Trust != nil {
			if err := r.h.Trust(chain, m.GetName()); err != nil {
				r.refuse(id, diag.Of(err))
				return
			}
		}
		r.ok(id)
	})
}

func (r *Run) handleClientCertificate(id uint64) {
	answer := &pluginpb.Certificate{}
	if r.h.Certificate != nil {
		answer.Chain = r.h.Certificate.Certificate
	}
	r.reply(id, &pluginpb.FromHost{Message: &pluginpb.FromHost_Certificate{Certificate: answer}})
}

var hashes = map[pluginpb.Sign_Hash]crypto.Hash{
	pluginpb.Sign_NONE: 0, pluginpb.Sign_SHA1: crypto.SHA1,
	pluginpb.Sign_SHA256: crypto.SHA256, pluginpb.Sign_SHA384: crypto.SHA384, pluginpb.Sign_SHA512: crypto.SHA512,
}

func (r *Run) handleSign(id uint64, m *pluginpb.Sign) {
	hash, known := hashes[m.GetHash()]
	if r.h.Certificate == nil || !known || hash != 0 && len(m.GetDigest()) != hash.Size() {
		r.fault("had a digest of %d bytes signed, by hash %d", len(m.GetDigest()), m.GetHash())
		r.refuse(id, diag.Newf(diag.Invalid, "this cannot be signed"))
		return
	}
	var opts crypto.SignerOpts = hash
	if m.GetPss() {
		opts = &rsa.PSSOptions{SaltLength: rsa.PSSSaltLengthEqualsHash, Hash: hash}
	}
	r.h.goes(func() {
		signature, err := r.h.Certificate.PrivateKey.(crypto.Signer).Sign(rand.Reader, m.GetDigest(), opts)
		if err != nil {
			r.refuse(id, diag.Newf(diag.Invalid, "%v", err))
			return
		}
		r.reply(id, &pluginpb.FromHost{Message: &pluginpb.FromHost_Signature{Signature: &pluginpb.Signature{Signature: signature}}})
	})
}
