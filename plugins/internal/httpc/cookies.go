package httpc

import "strings"

const maxCookies = 128

// Jar keeps the cookies of each host in the order in which they came. Path and
// domain are not looked at: a gateway sets them for itself.
type Jar struct {
	cookies []cookie
}

type cookie struct{ host, name, value string }

// Get returns the cookie's value, or "".
func (j *Jar) Get(host, name string) string {
	for _, c := range j.cookies {
		if c.host == host && c.name == name {
			return c.value
		}
	}
	return ""
}

// Set replaces or adds a cookie; an empty value removes it.
func (j *Jar) Set(host, name, value string) {
	kept, found := j.cookies[:0], false
	for _, c := range j.cookies {
		if c.host == host && c.name == name {
			found = true
			if c.value = value; value == "" {
				continue
			}
		}
		kept = append(kept, c)
	}
	j.cookies = kept
	if !found && value != "" && len(j.cookies) < maxCookies {
		j.cookies = append(j.cookies, cookie{host, name, value})
	}
}

// Clear forgets all cookies of host.
func (j *Jar) Clear(host string) {
	kept := j.cookies[:0]
	for _, c := range j.cookies {
		if c.host != host {
			kept = append(kept, c)
		}
	}
	j.cookies = kept
}

// field is the Cookie field's value for host.
func (j *Jar) field(host string) string {
	var pairs []string
	for _, c := range j.cookies {
		if c.host == host {
			pairs = append(pairs, c.name+"="+c.value)
		}
	}
	return strings.Join(pairs, "; ")
}

// take keeps what an answer sets.
func (j *Jar) take(host string, h Header) {
	for _, line := range h.All("Set-Cookie") {
		pair, _, _ := strings.Cut(line, ";")
		if name, value, ok := strings.Cut(pair, "="); ok && strings.TrimSpace(name) != "" {
			j.Set(host, strings.TrimSpace(name), strings.TrimSpace(value))
		}
	}
}
