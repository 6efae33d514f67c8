package aggregate

import (
	"bytes"
	"encoding/xml"
	"fmt"
	"io"
	"strings"

	"github.com/penstock-vpn/penstock/sdk/diag"
)

// Bounds of a document from the gateway. Entities are never expanded, so that its
// size bounds the work.
const (
	maxXML      = 1 << 20 // bytes
	maxDepth    = 32
	maxElements = 8192
)

// Element is one element of a parsed document.
type Element struct {
	Name     string
	Attrs    map[string]string
	Text     string // character data of the element and all below it
	Children []*Element
	raw      []byte // the element as it came
	data     []byte // what Text will be
}

// ParseXML reads a document. It forgives what gateways get wrong (unescaped
// ampersands, missing end tags) and nothing else.
func ParseXML(body []byte) (*Element, error) {
	if len(body) > maxXML {
		return nil, xmlError(fmt.Sprintf("larger than %d KiB", maxXML>>10))
	}
	p := xmlParser{body: body, d: xml.NewDecoder(bytes.NewReader(body))}
	p.d.Strict = false
	p.d.CharsetReader = sameBytes
	return p.run()
}

type xmlParser struct {
	body  []byte
	d     *xml.Decoder
	open  []*Element
	start []int64 // offsets of the open elements
	root  *Element
	count int
}

func (p *xmlParser) run() (*Element, error) {
	for {
		offset := p.d.InputOffset()
		token, err := p.d.Token()
		if err == io.EOF {
			break
		}
		if err != nil {
			return nil, xmlError("not well-formed (" + err.Error() + ")")
		}
		if err := p.take(token, offset); err != nil {
			return nil, err
		}
	}
	if p.root == nil {
		return nil, xmlError("empty")
	}
	return p.root, nil
}

func (p *xmlParser) take(token xml.Token, offset int64) error {
	switch t := token.(type) {
	case xml.StartElement:
		return p.begin(t, offset)
	case xml.EndElement:
		p.end()
	case xml.CharData:
		for _, e := range p.open {
			e.data = append(e.data, t...)
		}
	case xml.Directive:
		return xmlError("in need of a document type, which no gateway sends")
	}
	return nil
}

func (p *xmlParser) begin(t xml.StartElement, offset int64) error {
	if p.count++; p.count > maxElements || len(p.open) >= maxDepth {
		return xmlError(fmt.Sprintf("deeper than %d or larger than %d elements", maxDepth, maxElements))
	}
	e := &Element{Name: t.Name.Local, Attrs: map[string]string{}}
	for _, a := range t.Attr {
		e.Attrs[a.Name.Local] = a.Value
	}
	switch {
	case len(p.open) > 0:
		parent := p.open[len(p.open)-1]
		parent.Children = append(parent.Children, e)
	case p.root != nil:
		return xmlError("two documents in one")
	default:
		p.root = e
	}
	p.open, p.start = append(p.open, e), append(p.start, offset)
	return nil
}

func (p *xmlParser) end() {
	last := len(p.open) - 1
	e := p.open[last]
	e.raw, e.Text, e.data = p.body[p.start[last]:p.d.InputOffset()], string(e.data), nil
	p.open, p.start = p.open[:last], p.start[:last]
}

// sameBytes takes the encodings of which ASCII is all that ever comes.
func sameBytes(charset string, input io.Reader) (io.Reader, error) {
	switch strings.ToLower(charset) {
	case "us-ascii", "iso-8859-1", "latin1", "utf8":
		return input, nil
	}
	return nil, fmt.Errorf("encoding %q is unknown", charset)
}

func xmlError(what string) error {
	return diag.New(diag.Protocol, "the gateway's answer is XML that is "+what,
		"This gateway does not speak AnyConnect as expected.")
}

// Child returns the first child of that name, or nil.
func (e *Element) Child(name string) *Element {
	for _, c := range e.Children {
		if c.Name == name {
			return c
		}
	}
	return nil
}

// Is compares an attribute without case.
func (e *Element) Is(attr, value string) bool { return strings.EqualFold(e.Attrs[attr], value) }

// Message is the element's text with its parameters filled in: each %s takes
// param1, then param2.
func (e *Element) Message() string {
	text := strings.TrimSpace(e.Text)
	for _, attr := range []string{"param1", "param2"} {
		value, given := e.Attrs[attr]
		if before, after, found := strings.Cut(text, "%s"); found && given {
			text = before + value + after
		}
	}
	return text
}

// verbatim returns the element as it came, for an echo, once it is sure that it
// stands for itself.
func (e *Element) verbatim() ([]byte, error) {
	for d := xml.NewDecoder(bytes.NewReader(e.raw)); ; {
		switch _, err := d.Token(); {
		case err == io.EOF:
			return bytes.Clone(e.raw), nil
		case err != nil:
			return nil, xmlError("not well-formed where it must be echoed")
		}
	}
}
