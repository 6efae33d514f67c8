package eap

import (
	"context"
	"errors"
	"slices"
)

// Method is one way to authenticate, as the client does it.
type Method interface {
	Type() Type
	// Handle answers a request. An error ends the authentication, but for a *Question and
	// a *Later; a response beside an error is sent before that.
	Handle(id uint8, request []byte) (response []byte, err error)
	// Key is the master session key once the method has succeeded; nil: it makes none.
	Key() []byte
	// Done says whether the method is content with what the gateway proved. A Success
	// before that is none.
	Done() bool
}

// Refused is why a gateway did not accept the credentials, in its words.
type Refused struct{ Reason string }

func (r *Refused) Error() string { return r.Reason }

// Question is what a gateway asks in the midst of a method; see Peer.Answer.
type Question struct {
	Text   string
	answer func(text string) ([]byte, error) // makes the response; nil: it is the text
}

func (q *Question) Error() string { return "the gateway asks: " + q.Text }

// Later says that a method is at work: when Done is closed, Peer.Resume has the reply.
type Later struct {
	Done   <-chan struct{}
	Do     func(context.Context) // closes Done, once it is called; nil: nothing is to be done
	resume func() ([]byte, error)
}

func (*Later) Error() string { return "the method is at work" }

// Peer answers a gateway.
type Peer struct {
	identity string
	methods  []Method
	current  Method
	asked    Packet // waits for Answer or Resume
	answer   func(text string) ([]byte, error)
	resume   func() ([]byte, error)
	failed   error // what ends the authentication with the next packet
	unwanted Type  // what the gateway wanted, and we did not; 0: nothing
	done     bool
}

// NewPeer makes a Peer that offers the methods in that order.
func NewPeer(identity string, methods ...Method) *Peer {
	return &Peer{identity: identity, methods: methods}
}

// Unwanted is a gateway that wants no method but this, which is not among ours.
type Unwanted struct{ Type Type }

func (u *Unwanted) Error() string { return "the gateway wants " + u.Type.String() }

// ErrFailure is a Failure that came without a reason.
var ErrFailure = &Refused{"the gateway gave no reason"}

// Handle answers a packet. Without an error and a reply the authentication has
// succeeded. A *Question wants an Answer, a *Later a Resume; a *Refused is the gateway's no.
func (p *Peer) Handle(packet []byte) (reply []byte, err error) {
	q, err := Parse(packet)
	switch {
	case err != nil:
		return nil, err
	case p.failed != nil:
		return nil, p.failed
	case p.resume != nil:
		return nil, malformed("a packet that nobody asked for")
	case q.Code == Failure:
		return nil, p.failure()
	case q.Code == Success:
		return nil, p.success()
	case q.Code != Request:
		return nil, malformed("code %d from a gateway", q.Code)
	}
	switch q.Type {
	case TypeIdentity:
		return respond(q, []byte(p.identity)), nil
	case TypeNotification:
		return respond(q, nil), nil
	}
	return p.method(q)
}

func (p *Peer) success() error {
	if !p.content() {
		return errors.New("the gateway says success before it has proved anything")
	}
	p.done = true
	return nil
}

func (p *Peer) method(q Packet) ([]byte, error) {
	if p.current == nil || p.current.Type() != q.Type {
		i := slices.IndexFunc(p.methods, func(m Method) bool { return m.Type() == q.Type })
		if i < 0 {
			return p.nak(q)
		}
		p.current = p.methods[i]
	}
	p.asked = q
	return p.settle(p.current.Handle(q.ID, q.Data))
}

// settle makes a reply of what a method says to the packet that was asked.
func (p *Peer) settle(response []byte, err error) ([]byte, error) {
	p.answer, p.resume = nil, nil
	var question *Question
	var later *Later
	switch {
	case errors.As(err, &question):
		p.answer = question.answer
		if p.answer == nil {
			p.answer = func(text string) ([]byte, error) { return []byte(text), nil }
		}
		return nil, err
	case errors.As(err, &later):
		p.resume = later.resume
		return nil, err
	case err != nil && response == nil:
		return nil, err
	}
	p.failed = err
	return respond(p.asked, response), nil
}

// Failed is what the method found wrong, while the gateway is told; nil: nothing.
func (p *Peer) Failed() error { return p.failed }

// nak names the methods that would do.
func (p *Peer) nak(q Packet) ([]byte, error) {
	var wanted []byte
	for _, m := range p.methods {
		wanted = append(wanted, byte(m.Type()))
	}
	if len(wanted) == 0 {
		wanted = []byte{0}
	}
	p.unwanted, q.Type = q.Type, TypeNak
	return respond(q, wanted), nil
}

// Answer is what a person said to the last Question.
func (p *Peer) Answer(text string) ([]byte, error) {
	if p.answer == nil {
		return nil, errors.New("nothing was asked")
	}
	return p.settle(p.answer(text))
}

// Resume goes on after a Later whose Done is closed.
func (p *Peer) Resume() ([]byte, error) {
	if p.resume == nil {
		return nil, errors.New("nothing was put off")
	}
	return p.settle(p.resume())
}

// content says whether what the gateway proved is enough.
func (p *Peer) content() bool { return p.current != nil && p.current.Done() }

// Key is the master session key after success; nil: there is none.
func (p *Peer) Key() []byte {
	if !p.done {
		return nil
	}
	return p.current.Key()
}

// Method is the type of the method in use; 0: none yet.
func (p *Peer) Method() Type {
	if p.current == nil {
		return 0
	}
	return p.current.Type()
}

func respond(q Packet, data []byte) []byte {
	return Packet{Code: Response, ID: q.ID, Type: q.Type, Data: data}.Append(nil)
}
