package ppp

import (
	"encoding/binary"
	"errors"
	"strings"
	"testing"

	"github.com/penstock-vpn/penstock/sdk/diag"
)

// corner is a server with its own mind about MRUs.
type corner struct {
	*serverLCP
	own    int  // that it asks for; 0: none
	insist bool // on that
	given  int  // that it would have us ask for; 0: whatever we do
	refuse bool // ours
	asked  []int
}

func (l *corner) request() []option {
	all := l.serverLCP.request()
	if l.own > 0 {
		all = append(all, option{optMRU, binary.BigEndian.AppendUint16(nil, uint16(l.own))})
	}
	return all
}

func (l *corner) naked(wanted []option) {
	for _, o := range wanted {
		if o.kind == optMRU && !l.insist {
			l.own = int(binary.BigEndian.Uint16(o.value))
		}
	}
	l.serverLCP.naked(wanted)
}

func (l *corner) rejected(refused []option) {
	for _, o := range refused {
		if o.kind == optMRU {
			l.own = 0
		}
	}
}

func (l *corner) judge(asked []option) (reject, nak []option) {
	for _, o := range asked {
		if o.kind != optMRU {
			continue
		}
		mru := int(binary.BigEndian.Uint16(o.value))
		l.asked = append(l.asked, mru)
		switch {
		case l.refuse:
			reject = append(reject, o)
		case l.given > 0 && l.given != mru:
			nak = append(nak, option{optMRU, binary.BigEndian.AppendUint16(nil, uint16(l.given))})
		}
	}
	return reject, nak
}

// cornered is a line to a server like that.
func cornered(t *testing.T, c *corner, encrypted *MPPE) *line {
	config := config(MSCHAPv2)
	config.MRU, config.MPPE = 1400, encrypted
	l := newLine(t, 1, config, &gate{login: MSCHAPv2, password: testPassword, mppe: encrypted})
	server := l.ends[theServer].link
	c.serverLCP = server.layer.(*serverLCP)
	server.layer = c
	return l
}

// What either end takes, whatever the other one would like.
func TestMRUs(t *testing.T) {
	for name, test := range map[string]struct {
		c         corner
		encrypted *MPPE
		mru, own  int // that the peer takes, and that we do; 0: the default, without a word
	}{
		"nobody says":                 {corner{}, nil, 1500, 1400},
		"theirs is small":             {corner{own: 600}, nil, 600, 1400},
		"theirs is too small":         {corner{own: 128}, nil, 576, 1400},
		"too small for MPPE":          {corner{own: 128}, mppe(true, 128), 580, 1400},
		"theirs is too small, always": {corner{own: 128, insist: true}, nil, 1500, 1400},
		"theirs is large":             {corner{own: 65535}, nil, 65535, 1400},
		"ours is to be smaller":       {corner{given: 1000}, nil, 1500, 1000},
		"ours is to be of no use":     {corner{given: 128}, nil, 1500, 0},
		"ours is to be larger":        {corner{given: 1500}, nil, 1500, 0},
		"ours is not understood":      {corner{refuse: true}, nil, 1500, 0},
	} {
		l := cornered(t, &test.c, test.encrypted)
		if n := l.begin().mustBeUp(); n.MRU != test.mru || l.ends[theClient].lcp.mru != test.own {
			t.Errorf("%s: the gateway takes %d, and we %d, want %d and %d", name, n.MRU, l.ends[theClient].lcp.mru, test.mru, test.own)
		}
		if len(test.c.asked) > 2 {
			t.Errorf("%s: asked for %d", name, test.c.asked)
		}
	}
}

// stubborn wants another one each time, or its own whatever it is told.
type stubborn struct {
	*corner
	next uint16
}

func (l *stubborn) judge([]option) (reject, nak []option) {
	l.next++
	return nil, []option{{optMagic, binary.BigEndian.AppendUint32(nil, uint32(l.next))}, {optMRU, binary.BigEndian.AppendUint16(nil, 600+l.next)}}
}

func (*stubborn) rejected([]option) {}

// A gateway that is never content is given up, in words.
func TestNoAgreement(t *testing.T) {
	for name, layer := range map[string]func(*corner) layer{
		"ours":   func(c *corner) layer { return &stubborn{corner: c} },
		"theirs": func(c *corner) layer { c.own, c.insist = 128, true; return &insistent{c} },
	} {
		c := &corner{}
		l := cornered(t, c, nil)
		l.ends[theServer].link.layer = layer(c)
		var d *diag.Diagnostic
		if err := l.begin().why(); !errors.As(err, &d) || d.Code != diag.Protocol || !strings.Contains(d.Error(), "cannot agree") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// insistent asks for the same even when it is told that nobody understands it.
type insistent struct{ *corner }

func (*insistent) rejected([]option) {}
