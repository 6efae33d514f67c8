package manpage

import (
	"os/exec"
	"strings"
	"testing"
	"time"
)

// rendered is what a reader sees, blanks made one.
func rendered(t *testing.T, p *Page) string {
	t.Helper()
	cmd := exec.Command("mandoc", "-Tutf8", "-Ios=x")
	cmd.Stdin = strings.NewReader(p.String())
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("mandoc: %v: %s\n%s", err, out, p)
	}
	var plain []byte
	for _, c := range out {
		if c == '\b' {
			plain = plain[:len(plain)-1] // bold letters are struck twice
			continue
		}
		plain = append(plain, c)
	}
	return strings.Join(strings.Fields(string(plain)), " ")
}

func page() *Page {
	return New(Head{Name: "penstock-test", Section: "1", Summary: "a `test'", Date: time.Unix(0, 0), Version: "1.2-3"})
}

// Whatever a third party's plugin says in its schema, it is text.
func TestTextIsText(t *testing.T) {
	for _, text := range []string{
		".so /etc/shadow", "'br", `\fB bold \*(x \n(yr`, `say "x" and 'y'`, "--no-dtls", "~/.config ^ `a`", "end\\", "a\tb", "..", "über",
		strings.Repeat("word ", 40) + ".TP " + strings.Repeat("x", 200),
	} {
		p := page()
		p.Section("Test")
		p.Item(text, text)
		p.Text(text)
		if want := strings.Join(strings.Fields(text), " "); strings.Count(strings.ReplaceAll(rendered(t, p), "‐", "-"), want) < 2 {
			t.Errorf("%q is not in\n%s\nfrom\n%s", text, rendered(t, p), p)
		}
	}
}

func TestParagraphs(t *testing.T) {
	p := page()
	p.Section("Test")
	p.Text("One line,\nand another.\n\n  kept   as\n  it is\n\nMore.\n  kept\nend")
	p.Synopsis("penstock connect NAME [--x Y]")
	p.SeeAlso("penstock(1)", "penstock.toml(5)")
	want := `.SH "TEST"
One line,
and another.
.PP
.nf
.RS
kept   as
it is
.RE
.fi
.PP
More.
.PP
.nf
.RS
kept
.RE
.fi
.PP
end
.PP
.B "penstock connect NAME"
[\-\-x Y]
.SH "SEE ALSO"
.BR "penstock" (1),
.BR "penstock.toml" (5)
`
	if _, got, _ := strings.Cut(p.String(), ".SH \"TEST\""); ".SH \"TEST\""+got != want {
		t.Errorf("got\n%s\nwant\n%s", p, want)
	}
}
