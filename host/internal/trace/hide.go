package trace

import (
	"bytes"
	"encoding/base64"
	"html"
	"net/url"
	"slices"
	"sync"
)

// minHidden is the shortest text that is taken for a secret: a shorter one is anywhere.
const minHidden = 4

// hidden are the secrets that are known, in the forms in which they may be sent.
type hidden struct {
	mu    sync.RWMutex
	forms [][]byte // the longest first
}

// Hide has a text not be in the file: it is covered with as many asterisks.
func (r *Recorder) Hide(value string) {
	if r == nil || len(value) < minHidden {
		return
	}
	h := &r.hidden
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, form := range append(inBase64(value), value, url.QueryEscape(value), url.PathEscape(value), html.EscapeString(value)) {
		if len(form) >= minHidden && !slices.ContainsFunc(h.forms, func(f []byte) bool { return string(f) == form }) {
			h.forms = append(h.forms, []byte(form))
		}
	}
	slices.SortStableFunc(h.forms, func(a, b []byte) int { return len(b) - len(a) })
}

// inBase64 is how value looks within a longer text in base64: there are three ways, by
// what stands before it. What it shares with its neighbours is left out.
func inBase64(value string) []string {
	var forms []string
	for before := range 3 {
		text := append(make([]byte, before), value...)
		whole := base64.RawStdEncoding.EncodeToString(text)
		shared := (before*8 + 5) / 6
		forms = append(forms, whole[shared:len(text)*8/6])
	}
	return forms
}

// clean covers the secrets in b, which it changes.
func (h *hidden) clean(b []byte) []byte {
	h.mu.RLock()
	defer h.mu.RUnlock()
	for _, form := range h.forms {
		for rest := b; ; {
			i := bytes.Index(rest, form)
			if i < 0 {
				break
			}
			for j := range form {
				rest[i+j] = '*'
			}
			rest = rest[i+len(form):]
		}
	}
	return b
}
