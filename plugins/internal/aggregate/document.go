package aggregate

import "strings"

// Document is one message of the gateway.
type Document struct {
	Type          string // "hello", "auth-request", "complete"; gateways of old give none
	Form          *Form  // nil: no auth element
	Opaque        []byte // to be echoed; nil: none
	CertRequest   bool   // a client certificate is wanted
	CertAccepted  bool   // the one of this connection was taken
	Certificates  bool   // two certificates are wanted
	Scan          HostScan
	Token         string // session-token
	ErrorText     string
	Config        *Element // nil: none
	Authenticated bool     // auth id="success"
}

// Parse reads a message for the platform os ("linux-64").
func Parse(body []byte, os string) (*Document, error) {
	root, err := ParseXML(body)
	if err != nil {
		return nil, err
	}
	d := &Document{}
	parts := []*Element{root}
	if root.Name == "config-auth" {
		d.Type, parts = root.Attrs["type"], root.Children
	}
	for _, e := range parts {
		if err := d.take(e, os); err != nil {
			return nil, err
		}
	}
	return d, nil
}

func (d *Document) take(e *Element, os string) (err error) {
	switch e.Name {
	case "auth":
		d.Authenticated = e.Attrs["id"] == "success"
		d.Form, err = parseForm(e)
		d.Scan.legacy(e, os)
		d.noteError(e.Child("error"))
	case "opaque":
		d.Opaque, err = e.verbatim()
	case "client-cert-request":
		d.CertRequest = true
	case "multiple-client-cert-request":
		d.Certificates = true
	case "cert-authenticated":
		d.CertAccepted = true
	case "host-scan":
		d.Scan.take(e)
	case "session-token":
		d.Token = strings.TrimSpace(e.Text)
	case "config":
		d.Config = e
	case "error":
		d.noteError(e)
	}
	return err
}

func (d *Document) noteError(e *Element) {
	if e != nil && e.Message() != "" {
		d.ErrorText = e.Message()
	}
}

// Empty says that there is nothing in the document to go on with.
func (d *Document) Empty() bool {
	return d.Form == nil && !d.CertRequest && !d.Certificates && d.ErrorText == ""
}
