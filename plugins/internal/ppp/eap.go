package ppp

import (
	"errors"
	"time"

	"github.com/penstock-vpn/penstock/plugins/internal/eap"
)

// eapWay is EAP (RFC 3748): the peer asks, and asks again when an answer gets lost.
type eapWay struct {
	*login
	peer  *eap.Peer
	asked []byte // the request that was answered last
	said  []byte // the answer
	over  bool   // it has succeeded; the peer may ask again
}

func (*eapWay) protocol() uint16 { return ProtocolEAP }

func (*eapWay) begin() {}

func (w *eapWay) receive(p packet, whole []byte) {
	whole = whole[:headerSize+len(p.data)]
	if w.said != nil && string(whole) == string(w.asked) {
		w.wait()
		w.say(w.said)
		return
	}
	switch eap.Code(p.code) {
	case eap.Request:
		if w.over {
			w.peer, w.over = w.m.c.EAP(), false
		}
	case eap.Success, eap.Failure:
		if w.over {
			return
		}
	default:
		return
	}
	w.asked, w.said = append([]byte(nil), whole...), nil
	w.wait()
	w.settle(w.peer.Handle(whole))
}

// implied takes something for a Success (RFC 3748 section 4.2), if that could come now.
func (w *eapWay) implied() {
	if w.said != nil {
		success := eap.Packet{Code: eap.Success, ID: w.said[1]}.Append(nil)
		if reply, err := w.peer.Handle(success); err == nil {
			w.settle(reply, nil)
		}
	}
}

// settle does what EAP says.
func (w *eapWay) settle(reply []byte, err error) {
	var refused *eap.Refused
	var question *eap.Question
	var later *eap.Later
	switch {
	case errors.As(err, &question):
		w.due = time.Time{}
		w.m.emit(Ask{question.Text})
	case errors.As(err, &later):
		w.due = time.Time{}
		w.m.emit(Await{later.Done, later.Do})
	case errors.As(err, &refused):
		w.refused(refused.Reason)
	case err != nil:
		w.untrusted(err)
	case reply == nil:
		w.over = true
		w.succeeded(w.peer.Key())
	default:
		w.say(reply)
	}
}

func (w *eapWay) say(reply []byte) {
	w.said = reply
	w.m.emit(Send{ProtocolEAP, reply})
}

// Answered answers Ask.
func (m *Machine) Answered(now time.Time, text string, err error) []Effect {
	return m.step(now, func() {
		w := m.eapWay()
		switch {
		case err != nil:
			m.end(err)
		case w != nil:
			w.wait()
			w.settle(w.peer.Answer(text))
		}
	})
}

// Awaited answers Await.
func (m *Machine) Awaited(now time.Time) []Effect {
	return m.step(now, func() {
		if w := m.eapWay(); w != nil {
			w.wait()
			w.settle(w.peer.Resume())
		}
	})
}

// eapWay is nil when nobody logs in by EAP.
func (m *Machine) eapWay() *eapWay {
	if m.auth == nil {
		return nil
	}
	w, _ := m.auth.way.(*eapWay)
	return w
}
