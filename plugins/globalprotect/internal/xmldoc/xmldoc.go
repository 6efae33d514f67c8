// Package xmldoc reads the XML of GlobalProtect's answers into a small tree, within
// bounds and forgiving what gateways get wrong.
package xmldoc

import (
	"bytes"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"strings"
)

// Bounds of a document. Entities are never expanded, so that its size bounds the work.
const (
	maxBytes    = 1 << 20
	maxDepth    = 32
	maxElements = 16384
)

// Element is one element.
type Element struct {
	Name     string
	Attrs    map[string]string // nil: none
	Text     string            // character data of its own, without spaces around it
	Children []*Element
}

// Parse reads a document.
func Parse(body []byte) (*Element, error) {
	if len(body) > maxBytes {
		return nil, fmt.Errorf("it is larger than %d KiB", maxBytes>>10)
	}
	p := parser{d: xml.NewDecoder(bytes.NewReader(body))}
	p.d.Strict = false
	p.d.CharsetReader = sameBytes
	for {
		token, err := p.d.Token()
		if err == io.EOF {
			break
		}
		if err == nil {
			err = p.take(token)
		}
		if err != nil {
			return nil, err
		}
	}
	if p.root == nil {
		return nil, errors.New("it is empty")
	}
	return p.root, nil
}

type parser struct {
	d     *xml.Decoder
	open  []*Element
	texts [][]byte // of the open elements
	root  *Element
	count int
}

func (p *parser) take(token xml.Token) error {
	switch t := token.(type) {
	case xml.StartElement:
		return p.begin(t)
	case xml.EndElement:
		last := len(p.open) - 1
		p.open[last].Text = strings.TrimSpace(string(p.texts[last]))
		p.open, p.texts = p.open[:last], p.texts[:last]
	case xml.CharData:
		if last := len(p.open) - 1; last >= 0 {
			p.texts[last] = append(p.texts[last], t...)
		}
	}
	return nil
}

func (p *parser) begin(t xml.StartElement) error {
	if p.count++; p.count > maxElements || len(p.open) >= maxDepth {
		return fmt.Errorf("it is deeper than %d or larger than %d elements", maxDepth, maxElements)
	}
	e := &Element{Name: t.Name.Local}
	for _, a := range t.Attr {
		if e.Attrs == nil {
			e.Attrs = map[string]string{}
		}
		e.Attrs[a.Name.Local] = a.Value
	}
	switch {
	case len(p.open) > 0:
		parent := p.open[len(p.open)-1]
		parent.Children = append(parent.Children, e)
	case p.root != nil:
		return errors.New("it is two documents in one")
	default:
		p.root = e
	}
	p.open, p.texts = append(p.open, e), append(p.texts, nil)
	return nil
}

// sameBytes takes the encodings of which ASCII is all that ever comes.
func sameBytes(charset string, input io.Reader) (io.Reader, error) {
	switch strings.ToLower(charset) {
	case "us-ascii", "iso-8859-1", "latin1", "utf8":
		return input, nil
	}
	return nil, fmt.Errorf("the encoding %q is unknown", charset)
}

// Find follows a path of names from e, always to the first of a name; nil: it ends.
func (e *Element) Find(path ...string) *Element {
	for _, name := range path {
		var next *Element
		if e != nil {
			for _, c := range e.Children {
				if c.Name == name {
					next = c
					break
				}
			}
		}
		e = next
	}
	return e
}

// Value is the text at the end of a path, or "".
func (e *Element) Value(path ...string) string {
	if found := e.Find(path...); found != nil {
		return found.Text
	}
	return ""
}

// All returns the children of that name; e may be nil.
func (e *Element) All(name string) []*Element {
	var all []*Element
	if e != nil {
		for _, c := range e.Children {
			if c.Name == name {
				all = append(all, c)
			}
		}
	}
	return all
}

// Append writes the document of e, for requests and tests.
func (e *Element) Append(b []byte) []byte {
	b = append(append(b, '<'), e.Name...)
	for name, value := range e.Attrs {
		b = append(append(append(b, ' '), name...), '=', '"')
		b = append(appendText(b, value), '"')
	}
	b = append(b, '>')
	b = appendText(b, e.Text)
	for _, c := range e.Children {
		b = c.Append(b)
	}
	return append(append(append(b, '<', '/'), e.Name...), '>')
}

func appendText(b []byte, text string) []byte {
	var out bytes.Buffer
	_ = xml.EscapeText(&out, []byte(text)) // a Buffer takes all
	return append(b, out.Bytes()...)
}
