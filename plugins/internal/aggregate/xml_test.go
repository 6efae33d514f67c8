package aggregate

import (
	"strings"
	"testing"

	"github.com/penstock-vpn/penstock/sdk/diag"
)

func TestXMLBombsAreDuds(t *testing.T) {
	lol := `<?xml version="1.0"?><!DOCTYPE lolz [<!ENTITY a "` + strings.Repeat("x", 1000) + `"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;&a;&a;">]><config-auth><error>&b;</error></config-auth>`
	for name, body := range map[string]string{
		"entities":       lol,
		"external":       `<!DOCTYPE a SYSTEM "file:///etc/passwd"><a/>`,
		"deep":           strings.Repeat("<a>", maxDepth+1),
		"wide":           "<a>" + strings.Repeat("<b/>", maxElements) + "</a>",
		"large":          "<a>" + strings.Repeat("x", maxXML) + "</a>",
		"empty":          "",
		"blank":          "  \n",
		"two roots":      "<a/><b/>",
		"other encoding": `<?xml version="1.0" encoding="UTF-16"?><a/>`,
		"garbage":        "<a <b>",
	} {
		if _, err := ParseXML([]byte(body)); err == nil || diag.Of(err).Code != diag.Protocol {
			t.Errorf("%s: got %v", name, err)
		}
	}
	root, err := ParseXML([]byte("<a>&b; &lt; R&D</a>"))
	if err != nil || root.Text != "&b; < R&D" {
		t.Errorf("an unknown entity and a bare ampersand: %v, %v", root, err)
	}
}

func TestVerbatim(t *testing.T) {
	opaque := "<opaque is-for=\"sg\" x='&quot;'>\n <A b = \"1\"/><!-- c --><C>&amp;<![CDATA[<]]></C>\t</opaque>"
	root, err := ParseXML([]byte("<config-auth>\n" + opaque + "<other/></config-auth>"))
	if err != nil {
		t.Fatal(err)
	}
	got, err := root.Child("opaque").verbatim()
	if err != nil || string(got) != opaque {
		t.Errorf("got %s, %v", got, err)
	}
	root, err = ParseXML([]byte("<config-auth><opaque><a></opaque></config-auth>"))
	if err == nil {
		if _, err = root.Child("opaque").verbatim(); err == nil {
			t.Error("a broken Element was taken for an echo")
		}
	}
}

func TestMessageParameters(t *testing.T) {
	for body, want := range map[string]string{
		`<m param1="a" param2="b">%s and %s</m>`: "a and b",
		`<m param1="a">%s and %s</m>`:            "a and %s",
		`<m param2="b"> 100% </m>`:               "100%",
		`<m param1="%s" param2="x">%s</m>`:       "x",
	} {
		root, err := ParseXML([]byte(body))
		if err != nil || root.Message() != want {
			t.Errorf("%s: got %q, %v", body, root.Message(), err)
		}
	}
}
