// Package manpage writes manual pages in the man(7) language, so that no text can
// be taken for a command of it.
package manpage

import (
	"strings"
	"time"
)

// Page is a manual page that is being written.
type Page struct {
	b    strings.Builder
	text bool // there is some since the last title
	gap  bool // a paragraph has ended
}

// Head says what a page is of.
type Head struct {
	Name    string // penstock-connect
	Section string // "1"
	Summary string // what stands behind the name in whatis(1)
	Date    time.Time
	Version string
}

// New begins a page.
func New(h Head) *Page {
	p := &Page{}
	day := h.Date.UTC().Format(time.DateOnly) // read by programs: its hyphens stay what they are
	p.b.WriteString(".TH " + quote(strings.ToUpper(h.Name)) + " " + quote(h.Section) + ` "` + day + `" ` + quote("penstock "+h.Version) + " \"Penstock\"\n")
	p.Section("Name")
	p.write(escape(h.Name) + ` \- ` + escape(h.Summary))
	return p
}

// Section begins a section, and Sub one within it.
func (p *Page) Section(title string) { p.title(".SH", strings.ToUpper(title)) }

// Sub is described at Section.
func (p *Page) Sub(title string) { p.title(".SS", title) }

func (p *Page) title(request, title string) {
	p.line(request, title)
	p.text, p.gap = false, false
}

// Synopsis is a command line, a paragraph.
func (p *Page) Synopsis(command string) {
	name, rest, _ := strings.Cut(command, " [")
	p.paragraph()
	p.line(".B", name)
	if rest != "" {
		p.write(escape("[" + rest))
	}
	p.text, p.gap = true, true
}

// Text writes paragraphs, between which there are empty lines. Lines that begin with
// two spaces stay as they are.
func (p *Page) Text(text string) {
	kept := false
	for line := range strings.Lines(text) {
		line = strings.TrimRight(line, " \n")
		literal := strings.HasPrefix(line, "  ")
		if kept && !literal {
			p.b.WriteString(".RE\n.fi\n")
		}
		switch {
		case line == "":
			p.gap = true
		case literal && !kept:
			p.gap = true
			p.paragraph()
			p.b.WriteString(".nf\n.RS\n" + start(escape(line[2:])) + "\n")
		case literal:
			p.b.WriteString(start(escape(line[2:])) + "\n")
		default:
			p.gap = p.gap || kept
			p.paragraph()
			p.write(escape(line))
		}
		p.text = p.text || line != ""
		kept = literal
	}
	if kept {
		p.b.WriteString(".RE\n.fi\n")
	}
	p.gap = true
}

// paragraph begins one, if another has ended.
func (p *Page) paragraph() {
	if p.gap && p.text {
		p.b.WriteString(".PP\n")
	}
	p.gap = false
}

// Item is a term in bold letters, and what there is to say about it.
func (p *Page) Item(term string, sentences ...string) {
	p.b.WriteString(".TP\n")
	p.line(".B", term)
	for _, s := range sentences {
		if s = strings.TrimSpace(s); s != "" {
			p.write(escape(s))
		}
	}
}

// SeeAlso names other pages, each NAME(SECTION).
func (p *Page) SeeAlso(pages ...string) {
	if len(pages) == 0 {
		return
	}
	p.Section("See also")
	for i, page := range pages {
		name, section, _ := strings.Cut(page, "(")
		comma := ","
		if i == len(pages)-1 {
			comma = ""
		}
		p.b.WriteString(".BR " + quote(name) + " (" + section + comma + "\n")
	}
}

// String is the page.
func (p *Page) String() string { return p.b.String() }

// line is a request with its arguments.
func (p *Page) line(request string, args ...string) {
	p.b.WriteString(request)
	for _, a := range args {
		p.b.WriteString(" " + quote(a))
	}
	p.b.WriteString("\n")
}

// width is what a line of the source has; roff fills them anew.
const width = 78

// write is a line of text, broken where there are spaces unless it begins with one.
func (p *Page) write(text string) {
	for len(text) > width && !strings.HasPrefix(text, " ") {
		at := strings.LastIndexByte(text[:width], ' ')
		if at <= 0 {
			break
		}
		p.b.WriteString(start(text[:at]) + "\n")
		text = text[at+1:]
	}
	p.b.WriteString(start(text) + "\n")
}

// start keeps a line from being a request.
func start(line string) string {
	if strings.HasPrefix(line, ".") || strings.HasPrefix(line, "'") {
		return `\&` + line
	}
	return line
}

var special = strings.NewReplacer(`\`, `\e`, "-", `\-`, "`", `\(ga`, "'", `\(aq`, "^", `\(ha`, "~", `\(ti`)

// escape takes the meaning from characters that have one; what is typed stays as typed.
func escape(text string) string {
	return special.Replace(strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f {
			return ' '
		}
		return r
	}, text))
}

// quote is an argument of a request.
func quote(text string) string {
	return `"` + strings.ReplaceAll(escape(text), `"`, `\(dq`) + `"`
}
