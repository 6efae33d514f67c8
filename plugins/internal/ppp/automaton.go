package ppp

import (
	"bytes"
	"strconv"
	"strings"
	"time"
)

// The option negotiation automaton of RFC 1661 section 4, which LCP and the network
// control protocols share.

// state is one of the automaton's ten.
type state int

const (
	initial state = iota
	starting
	closed
	stopped
	closing
	stopping
	reqSent
	ackRcvd
	ackSent
	opened
)

// event is what happens to an automaton.
type event int

const (
	up event = iota
	down
	open
	shut      // Close
	again     // TO+: nobody answered, there are tries left
	late      // TO-: nobody answers
	goodReq   // RCR+
	badReq    // RCR-
	gotAck    // RCA
	gotNak    // RCN
	gotTerm   // RTR
	gotEnd    // RTA
	unknown   // RUC
	mildRej   // RXJ+
	harshRej  // RXJ-
	gotEcho   // RXR
	numEvents = iota
)

// transitions is the table of RFC 1661 section 4.1 in its own notation, by event; the
// states are the columns. "-" cannot happen. What is optional there (p, r, x) is left out.
var transitions = [numEvents]string{
	//           Initial  Starting   Closed  Stopped          Closing Stopping ReqSent     AckRcvd      AckSent      Opened
	up:       "2        irc,scr/6  -       -                -       -        -           -            -            -",
	down:     "-        -          0       tls/1            0       1        1           1            1            tld/1",
	open:     "tls/1    1          irc,scr/6 3              5       5        6           7            8            9",
	shut:     "0        tlf/0      2       2                4       4        irt,str/4   irt,str/4    irt,str/4    tld,irt,str/4",
	again:    "-        -          -       -                str/4   str/5    scr/6       scr/6        scr/8        -",
	late:     "-        -          -       -                tlf/2   tlf/3    tlf/3       tlf/3        tlf/3        -",
	goodReq:  "-        -          sta/2   irc,scr,sca/8    4       5        sca/8       sca,tlu/9    sca/8        tld,scr,sca/8",
	badReq:   "-        -          sta/2   irc,scr,scn/6    4       5        scn/6       scn/7        scn/6        tld,scr,scn/6",
	gotAck:   "-        -          sta/2   sta/3            4       5        irc/7       scr/6        irc,tlu/9    tld,scr/6",
	gotNak:   "-        -          sta/2   sta/3            4       5        irc,scr/6   scr/6        irc,scr/8    tld,scr/6",
	gotTerm:  "-        -          sta/2   sta/3            sta/4   sta/5    sta/6       sta/6        sta/6        tld,zrc,sta/5",
	gotEnd:   "-        -          2       3                tlf/2   tlf/3    6           6            8            tld,scr/6",
	unknown:  "-        -          scj/2   scj/3            scj/4   scj/5    scj/6       scj/7        scj/8        scj/9",
	mildRej:  "-        -          2       3                4       5        6           6            8            9",
	harshRej: "-        -          tlf/2   tlf/3            tlf/2   tlf/3    tlf/3       tlf/3        tlf/3        tld,irt,str/5",
	gotEcho:  "-        -          2       3                4       5        6           7            8            ser/9",
}

// transition is one cell of the table.
type transition struct {
	actions []string
	next    state
	valid   bool
}

var table = func() (t [numEvents][opened + 1]transition) {
	for e, line := range transitions {
		for s, cell := range strings.Fields(line) {
			actions, next, found := strings.Cut(cell, "/")
			if !found {
				actions, next = "", cell
			}
			n, err := strconv.Atoi(next)
			t[e][s] = transition{strings.FieldsFunc(actions, func(r rune) bool { return r == ',' }), state(n), err == nil}
		}
	}
	return t
}()

// layer is what protocols on the automaton differ in.
type layer interface {
	// request is what we ask for.
	request() []option
	// judge takes the peer's wishes: what it cannot have, and what it should ask for
	// instead. Both empty: it gets what it asks for.
	judge(asked []option) (reject, nak []option)
	// naked takes what the peer would have us ask for, rejected what it does not know.
	naked(wanted []option)
	rejected(refused []option)
	// up and down say that packets may flow, and may not; finished that there is nothing
	// more to come, unless the peer begins anew.
	up()
	down()
	finished()
	// other takes a packet of a code that the automaton does not know; false: neither
	// does the protocol.
	other(p packet) bool
}

// Times and counts of RFC 1661 section 4.6.
const (
	restartTime  = 3 * time.Second
	maxConfigure = 10
	maxTerminate = 2
	maxFailure   = 5
	// maxNaks is how often the peer may refuse what we ask for. The RFC has no end to it.
	maxNaks = 20
)

// automaton negotiates for one protocol.
type automaton struct {
	m        *Machine
	protocol uint16
	layer    layer

	state    state
	tries    int       // that are left
	due      time.Time // zero: the timer does not run
	id       byte      // of the last request
	answered bool      // that request was
	asked    []byte    // options of the last request
	reply    packet    // to the peer's last request
	code     packet    // that the peer sent and nobody knows
	naks     int       // that we sent in a row
	refused  int       // that came without an end in sight
}

// happens does what the table says.
func (a *automaton) happens(e event) {
	t := table[e][a.state]
	if !t.valid {
		return
	}
	a.state = t.next
	if a.state < closing || a.state == opened {
		a.due = time.Time{}
	}
	for _, action := range t.actions {
		a.act(action)
	}
}

func (a *automaton) act(action string) {
	switch action {
	case "tlu":
		a.naks, a.refused = 0, 0
		a.layer.up()
	case "tld":
		a.layer.down()
	case "tlf":
		a.layer.finished()
	case "irc":
		a.tries = maxConfigure
	case "irt":
		a.tries = maxTerminate
	case "zrc":
		a.tries, a.due = 0, a.m.now.Add(restartTime)
	case "scr":
		a.sendRequest()
	case "sca", "scn":
		a.send(a.reply)
	case "str":
		a.id++
		a.send(packet{terminateRequest, a.id, nil})
		a.count()
	case "sta":
		a.send(packet{terminateAck, a.code.id, nil})
	case "scj":
		a.reject(a.code)
	}
}

// reject returns a packet of a code that is not known here.
func (a *automaton) reject(p packet) {
	a.id++
	a.send(packet{codeReject, a.id, clip(p.append(nil))})
}

// clip keeps a rejected packet within every MRU.
func clip(b []byte) []byte { return b[:min(len(b), 256)] }

func (a *automaton) sendRequest() {
	asked := appendOptions(nil, a.layer.request())
	if a.answered || !bytes.Equal(asked, a.asked) {
		a.id++
	}
	a.asked, a.answered = asked, false
	a.send(packet{configureRequest, a.id, asked})
	a.count()
}

// count starts the timer for a request that was just sent.
func (a *automaton) count() {
	a.tries--
	a.due = a.m.now.Add(restartTime)
}

func (a *automaton) send(p packet) { a.m.send(a.protocol, p) }

// tick is called when the timer runs out.
func (a *automaton) tick() {
	if a.tries > 0 {
		a.happens(again)
		return
	}
	a.due = time.Time{}
	a.happens(late)
}

// receive takes a packet of the protocol. What makes no sense is dropped.
func (a *automaton) receive(p packet) {
	a.code = p
	switch p.code {
	case configureRequest:
		a.wished(p)
	case configureAck:
		if p.id == a.id && !a.answered && bytes.Equal(p.data, a.asked) {
			a.answered = true
			a.happens(gotAck)
		}
	case configureNak, configureReject:
		a.turnedDown(p)
	case terminateRequest:
		a.happens(gotTerm)
	case terminateAck:
		a.happens(gotEnd)
	case codeReject:
		a.happens(a.weight(p))
	default:
		if !a.layer.other(p) {
			a.happens(unknown)
		}
	}
}

// weight is how much a Code-Reject hurts: nothing works without the first seven codes.
func (a *automaton) weight(p packet) event {
	if len(p.data) > 0 && code(p.data[0]) <= codeReject {
		return harshRej
	}
	return mildRej
}

// wished judges a request. Who is told often enough what to ask for, and does not, is
// refused instead.
func (a *automaton) wished(p packet) {
	asked, err := parseOptions(p.data)
	if err != nil || a.state < closed {
		return
	}
	reject, nak := a.layer.judge(asked)
	switch {
	case len(reject) > 0:
		a.reply = packet{configureReject, p.id, appendOptions(nil, reject)}
	case len(nak) > 0:
		a.reply = packet{configureNak, p.id, appendOptions(nil, nak)}
		if a.naks++; a.naks > maxFailure {
			a.reply = packet{configureReject, p.id, appendOptions(nil, among(asked, nak))}
		}
	default:
		a.naks = 0
		a.reply = packet{configureAck, p.id, p.data}
		a.happens(goodReq)
		return
	}
	a.happens(badReq)
}

// among returns the options of those kinds, as they were asked for.
func among(asked, kinds []option) (out []option) {
	for _, o := range asked {
		for _, k := range kinds {
			if k.kind == o.kind {
				out = append(out, o)
				break
			}
		}
	}
	return out
}

// turnedDown takes the answer to our request.
func (a *automaton) turnedDown(p packet) {
	all, err := parseOptions(p.data)
	if err != nil || p.id != a.id || a.answered || a.state < closed {
		return
	}
	if a.refused++; a.refused > maxNaks {
		a.happens(harshRej)
		return
	}
	if a.state >= reqSent {
		if p.code == configureNak {
			a.layer.naked(all)
		} else {
			a.layer.rejected(all)
		}
	}
	a.answered = true
	a.happens(gotNak)
}
