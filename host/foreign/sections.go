package foreign

import (
	"errors"
	"strings"
)

// section is a part of a file of [sections] with lines KEY=VALUE.
type section struct {
	name  string
	lines []line
}

type line struct{ key, value string }

func readSections(text string) (Result, error) {
	sections := parseSections(text)
	has := func(name string) bool {
		for _, s := range sections {
			if s.name == name {
				return true
			}
		}
		return false
	}
	switch {
	case has("connection") && has("vpn"):
		return readKeyfile(sections)
	case has("connection"):
		return Result{}, errors.New("this is a NetworkManager connection, but not of a VPN plugin")
	case has("openconnect"):
		return readOpenConnectExport(sections)
	case isPhonebook(sections):
		return readPhonebook(sections), nil
	}
	return Result{}, errors.New("this file is of no known kind; known are AnyConnect profiles (.xml), NetworkManager's connections (.nmconnection), " +
		"strongSwan's profiles (.sswan), Apple's configuration profiles (.mobileconfig) and Windows' phone books (.pbk)")
}

// parseSections takes every line that it can; names and keys may repeat.
func parseSections(text string) []section {
	var all []section
	for raw := range strings.Lines(text) {
		raw = strings.TrimSpace(raw)
		switch {
		case raw == "" || raw[0] == '#' || raw[0] == ';':
		case raw[0] == '[' && strings.HasSuffix(raw, "]"):
			all = append(all, section{name: raw[1 : len(raw)-1]})
		case len(all) > 0:
			key, value, _ := strings.Cut(raw, "=")
			here := &all[len(all)-1]
			here.lines = append(here.lines, line{strings.TrimSpace(key), strings.TrimSpace(value)})
		}
		if len(all) > maxThings {
			return all
		}
	}
	return all
}
