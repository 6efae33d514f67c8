package foreign

import (
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"strings"
)

// element is one of an XML document, without its attributes.
type element struct {
	name     string
	text     string
	children []*element
}

func readXML(text string) (Result, error) {
	root, err := parseXML(text)
	if err != nil {
		return Result{}, err
	}
	switch root.name {
	case "AnyConnectProfile":
		return readAnyConnect(root)
	case "plist":
		return readMobileConfig(root)
	}
	return Result{}, fmt.Errorf("this XML is neither an AnyConnect profile nor an Apple configuration profile, but %q", printable(root.name, 64))
}

// parseXML reads a document within bounds; entities but XML's own are unknown.
func parseXML(text string) (*element, error) {
	d := xml.NewDecoder(strings.NewReader(text))
	d.CharsetReader = func(charset string, _ io.Reader) (io.Reader, error) {
		return nil, fmt.Errorf("it is written in %.32q; save it as UTF-8", charset)
	}
	top := &element{}
	open, things := []*element{top}, 0
	for {
		token, err := d.Token()
		if errors.Is(err, io.EOF) && len(open) == 1 && len(top.children) > 0 {
			return top.children[0], nil
		}
		if err != nil {
			return nil, fmt.Errorf("this is not valid XML: %w", err)
		}
		here := open[len(open)-1]
		switch t := token.(type) {
		case xml.StartElement:
			e := &element{name: t.Name.Local}
			here.children = append(here.children, e)
			open = append(open, e)
			if things++; things > maxThings || len(open) > maxDepth {
				return nil, errors.New("the XML has too many elements, or too many within each other")
			}
		case xml.EndElement:
			open = open[:len(open)-1]
		case xml.CharData:
			here.text += string(t)
		}
	}
}

// child is the first one of that name, or nil.
func (e *element) child(name string) *element {
	if e == nil {
		return nil
	}
	for _, c := range e.children {
		if c.name == name {
			return c
		}
	}
	return nil
}

// all are the children of that name.
func (e *element) all(name string) (found []*element) {
	if e == nil {
		return nil
	}
	for _, c := range e.children {
		if c.name == name {
			found = append(found, c)
		}
	}
	return found
}

// into makes fields of what is below e; an element with elements below it may have a
// text of its own.
func (e *element) into(to fields, key string) {
	if text := strings.TrimSpace(e.text); text != "" || len(e.children) == 0 {
		to.put(key, text)
	}
	for _, c := range e.children {
		name := c.name
		if key != "" {
			name = key + "." + c.name
		}
		c.into(to, name)
	}
}
