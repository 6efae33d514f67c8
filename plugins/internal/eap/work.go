package eap

import (
	"context"
	"crypto"
)

// Bound is a Method that signs for the protocol around EAP.
type Bound interface {
	// Bind gives what makes that signature with a key; it may be called at any time.
	Bind(sign func(crypto.Signer) ([]byte, error))
}

// Bind tells the methods how the protocol around EAP is signed for.
func (p *Peer) Bind(sign func(crypto.Signer) ([]byte, error)) {
	for _, m := range p.methods {
		if b, isBound := m.(Bound); isBound {
			b.Bind(sign)
		}
	}
}

// Reasoned is a Method that may know why a gateway has had enough.
type Reasoned interface {
	// Reason is what it said before; nil: nothing.
	Reason() error
}

// failure is what a Failure means.
func (p *Peer) failure() error {
	if r, isReasoned := p.current.(Reasoned); isReasoned && r.Reason() != nil {
		return r.Reason()
	}
	if p.current == nil && p.unwanted != 0 {
		return &Unwanted{p.unwanted}
	}
	return ErrFailure
}

// Work is what a Method returns as its error when its response takes time: the caller of
// the Peer has do done, with a context that ends when nobody waits for it any more.
func Work(do func(context.Context) ([]byte, error)) *Later {
	var response []byte
	var err error
	done := make(chan struct{})
	return &Later{
		Done: done,
		Do: func(ctx context.Context) {
			response, err = do(ctx)
			close(done)
		},
		resume: func() ([]byte, error) { return response, err },
	}
}
