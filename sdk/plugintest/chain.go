package plugintest

import (
	"crypto"
	"crypto/rand"
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

func (r *Run) handleSign(id uint64, m *pluginpb.Sign) {
	opts, known := m.SignerOpts()
	hash := opts.HashFunc()
	if r.h.Certificate == nil || !known || hash != 0 && len(m.GetDigest()) != hash.Size() {
		r.fault("had a digest of %d bytes signed, by hash %d", len(m.GetDigest()), m.GetHash())
		r.refuse(id, diag.Newf(diag.Invalid, "this cannot be signed"))
		return
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
