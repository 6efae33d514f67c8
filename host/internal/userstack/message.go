package userstack

import (
	"errors"
	"fmt"
	"net/netip"
	"time"

	"golang.org/x/net/dns/dnsmessage"
)

// What an answer may say (RFC 1035).
var (
	errNoName    = errors.New("there is no such name")
	errTruncated = errors.New("the answer is longer than a datagram")
	errAnswer    = errors.New("the answer is not understood")
)

// mostAddresses is how many addresses of a name are looked at.
const mostAddresses = 16

// question is one to a name server.
type question struct {
	id   uint16
	name dnsmessage.Name // with a dot behind
	kind dnsmessage.Type // A or AAAA
}

func (q question) append(b []byte) ([]byte, error) {
	m := dnsmessage.NewBuilder(b, dnsmessage.Header{ID: q.id, RecursionDesired: true})
	err := m.StartQuestions()
	if err == nil {
		err = m.Question(dnsmessage.Question{Name: q.name, Type: q.kind, Class: dnsmessage.ClassINET})
	}
	if err != nil {
		return nil, err
	}
	return m.Finish()
}

// parse reads an answer to q: addresses, perhaps none, and how long they are good for.
func (q question) parse(b []byte) (found []netip.Addr, good time.Duration, err error) {
	var p dnsmessage.Parser
	h, err := p.Start(b)
	if err != nil || h.ID != q.id || !h.Response {
		return nil, 0, errAnswer
	}
	asked, err := p.AllQuestions()
	if err != nil || len(asked) != 1 || asked[0].Type != q.kind || !sameName(asked[0].Name, q.name) {
		return nil, 0, errAnswer
	}
	switch {
	case h.Truncated:
		return nil, 0, errTruncated
	case h.RCode == dnsmessage.RCodeNameError:
		return nil, 0, errNoName
	case h.RCode != dnsmessage.RCodeSuccess:
		return nil, 0, fmt.Errorf("it answers %s", h.RCode)
	}
	return addresses(&p)
}

// addresses are those among the answers; the aliases before them are the server's affair.
func addresses(p *dnsmessage.Parser) (found []netip.Addr, good time.Duration, err error) {
	good = mostGood
	for len(found) < mostAddresses {
		h, err := p.AnswerHeader()
		if errors.Is(err, dnsmessage.ErrSectionDone) {
			break
		}
		if err != nil {
			return nil, 0, errAnswer
		}
		good = min(good, time.Duration(h.TTL)*time.Second)
		switch h.Type {
		case dnsmessage.TypeA:
			r, err := p.AResource()
			if err != nil {
				return nil, 0, errAnswer
			}
			found = append(found, netip.AddrFrom4(r.A))
		case dnsmessage.TypeAAAA:
			r, err := p.AAAAResource()
			if err != nil {
				return nil, 0, errAnswer
			}
			found = append(found, netip.AddrFrom16(r.AAAA))
		default:
			if p.SkipAnswer() != nil {
				return nil, 0, errAnswer
			}
		}
	}
	return found, good, nil
}

// sameName compares as DNS does, without case.
func sameName(a, b dnsmessage.Name) bool {
	if a.Length != b.Length {
		return false
	}
	for i := range a.Data[:a.Length] {
		if lower(a.Data[i]) != lower(b.Data[i]) {
			return false
		}
	}
	return true
}

func lower(c byte) byte {
	if c >= 'A' && c <= 'Z' {
		c += 'a' - 'A'
	}
	return c
}
