package ppp

import (
	"bytes"
	"crypto/md5"
	"errors"
	"strings"

	"github.com/penstock-vpn/penstock/plugins/internal/eap"
)

// The codes of CHAP (RFC 1994 section 4, RFC 2759 section 7).
const (
	chapChallenge      code = 1
	chapResponse       code = 2
	chapSuccess        code = 3
	chapFailure        code = 4
	chapChangePassword code = 7
)

// challenge is the value of a challenge; nil: there is none.
func challenge(p packet) []byte {
	if len(p.data) < 1 || p.data[0] == 0 || len(p.data) < 1+int(p.data[0]) {
		return nil
	}
	return p.data[1 : 1+int(p.data[0])]
}

// chapMD5 is CHAP with MD5 (RFC 1994). The peer may ask at any time.
type chapMD5 struct{ *login }

func (*chapMD5) protocol() uint16 { return ProtocolCHAP }

func (*chapMD5) begin() {}

func (w *chapMD5) receive(p packet, _ []byte) {
	switch p.code {
	case chapChallenge:
		value := challenge(p)
		if value == nil {
			return
		}
		sum := md5.Sum(append(append([]byte{p.id}, w.m.c.Password...), value...))
		data := append(append([]byte{md5.Size}, sum[:]...), w.m.c.Username...)
		w.send(packet{chapResponse, p.id, data})
	case chapSuccess:
		if w.last.code == chapResponse && p.id == w.last.id {
			w.succeeded(nil)
		}
	case chapFailure:
		if w.last.code == chapResponse && p.id == w.last.id {
			w.refused(refusal(p.data))
		}
	}
}

// mppeKeys is the length of MPPE's two keys, which EAP-MSCHAPv2's master session key begins with.
const mppeKeys = 32

// mschapv2 is MS-CHAPv2 (RFC 2759). Its packets are those of EAP-MSCHAPv2, which does the
// sums.
type mschapv2 struct {
	*login
	asked    []byte // the challenge that was answered
	proof    eap.Method
	expired  packet // the Failure that a new password answers
	password string // the new one; "": none
}

func (*mschapv2) protocol() uint16 { return ProtocolCHAP }

func (*mschapv2) begin() {}

func (w *mschapv2) receive(p packet, whole []byte) {
	switch {
	case p.code == chapChallenge:
		w.challenged(p)
	case w.proof == nil || p.id != w.last.id:
	case p.code == chapSuccess:
		if _, err := w.proof.Handle(p.id, p.append(nil)); err != nil {
			w.untrusted(err)
			return
		}
		w.succeeded(w.proof.Key()[:mppeKeys])
	case p.code == chapFailure:
		w.failed(p)
	}
}

// challenged answers a challenge, and the same one with the same answer.
func (w *mschapv2) challenged(p packet) {
	value := challenge(p)
	if value == nil {
		return
	}
	if w.asked == nil || !bytes.Equal(w.asked, value) {
		w.proof = eap.MSCHAPv2(w.m.c.Username, w.secret(), w.m.c.Random)
		response, err := w.proof.Handle(p.id, p.append(nil))
		if err != nil {
			w.proof = nil
			w.untrusted(err)
			return
		}
		w.asked = bytes.Clone(value)
		w.last = packet{chapResponse, p.id, response[headerSize:]}
	}
	w.last.id = p.id
	w.send(w.last)
}

// secret is the password that holds now.
func (w *mschapv2) secret() string {
	if w.password != "" {
		return w.password
	}
	return w.m.c.Password
}

// expired password, in RFC 2759 section 6.
const codeExpired = "E=648"

func (w *mschapv2) failed(p packet) {
	if w.m.let {
		return // too late: it is the answer to an older response
	}
	if strings.Contains(string(p.data), codeExpired) && w.password == "" {
		w.expired = p
		w.due = w.m.now.Add(changeTime)
		w.tries = 0
		w.m.emit(AskPassword{"The password has expired."})
		return
	}
	_, err := w.proof.Handle(p.id, p.append(nil))
	var refused *eap.Refused
	if errors.As(err, &refused) {
		w.refused(refused.Reason)
		return
	}
	w.untrusted(err)
}
