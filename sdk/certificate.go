package sdk

import (
	"context"
	"crypto"
	"crypto/rsa"
	"crypto/x509"
	"fmt"
	"io"

	"github.com/penstock-vpn/penstock/sdk/diag"
	"github.com/penstock-vpn/penstock/sdk/pluginpb"
)

// VerifyChain has the host say whether a gateway's certificates, its own first, are
// trusted: by pins, authorities or the user's own word, as for a tls transport. name is
// the DNS name or address that the gateway's must be for; with "" the plugin checks who
// it is for. An error is a *diag.Diagnostic of code Certificate.
func (s *Session) VerifyChain(ctx context.Context, chain []*x509.Certificate, name string) error {
	m := &pluginpb.VerifyChain{Name: name}
	for _, c := range chain {
		m.Chain = append(m.Chain, c.Raw)
	}
	return s.stream.order(ctx, &pluginpb.FromPlugin{Message: &pluginpb.FromPlugin_VerifyChain{VerifyChain: m}})
}

// Certificate is the user's, with a key that stays in the host.
type Certificate struct {
	Chain []*x509.Certificate // the user's own first, at least that one
	// Key signs in the host, which may have to ask a token. Its Sign knows SHA-1 and
	// SHA-2, and PSS with a salt of the hash's length alone; by crypto.Hash(0) an RSA key
	// signs 20, 32, 48 or 64 bytes without the name of a hash, as IKEv1 does.
	Key crypto.Signer
}

// ClientCertificate is the user's certificate, nil when there is none. The plugin must
// have said NeedClientCertificate. The key signs until ctx ends.
func (s *Session) ClientCertificate(ctx context.Context) (*Certificate, error) {
	ask := &pluginpb.FromPlugin{Message: &pluginpb.FromPlugin_ClientCertificate{ClientCertificate: &pluginpb.ClientCertificate{}}}
	reply, err := s.stream.call(ctx, ask)
	if err != nil {
		return nil, err
	}
	if reply.GetCertificate() == nil {
		return nil, unexpected(reply)
	}
	c := &Certificate{}
	for _, der := range reply.GetCertificate().GetChain() {
		cert, err := x509.ParseCertificate(der)
		if err != nil {
			return nil, fmt.Errorf("the user's certificate as the host gave it: %w", err)
		}
		c.Chain = append(c.Chain, cert)
	}
	if len(c.Chain) == 0 {
		return nil, nil
	}
	c.Key = &hostKey{ctx, s, c.Chain[0].PublicKey}
	return c, nil
}

// hostKey is a private key in the host.
type hostKey struct {
	ctx     context.Context
	session *Session
	public  crypto.PublicKey
}

// Public is the key of the certificate.
func (k *hostKey) Public() crypto.PublicKey { return k.public }

// Sign implements crypto.Signer; the host has randomness of its own.
func (k *hostKey) Sign(_ io.Reader, digest []byte, opts crypto.SignerOpts) ([]byte, error) {
	hash, known := pluginpb.SignHash(opts.HashFunc())
	pss, isPSS := opts.(*rsa.PSSOptions)
	odd := isPSS && pss.SaltLength != rsa.PSSSaltLengthEqualsHash && pss.SaltLength != opts.HashFunc().Size()
	if !known || odd {
		return nil, diag.Newf(diag.Invalid, "the host does not sign with %v and such a salt", opts.HashFunc())
	}
	m := &pluginpb.Sign{Hash: hash, Pss: isPSS, Digest: digest}
	reply, err := k.session.stream.call(k.ctx, &pluginpb.FromPlugin{Message: &pluginpb.FromPlugin_Sign{Sign: m}})
	if err != nil {
		return nil, err
	}
	if reply.GetSignature() == nil {
		return nil, unexpected(reply)
	}
	return reply.GetSignature().GetSignature(), nil
}
