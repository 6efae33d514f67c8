package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
)

// notice matches the names of the files that must go with what is given on.
var notice = regexp.MustCompile(`(?i)^(licen[cs]e|copying|notice|copyright|patents)([.-].*)?$`)

const rule = "--------------------------------------------------------------------------------"

// writeLicences writes each text once, below the modules and files it is of.
func writeLicences(w io.Writer, programs []string) error {
	modules, err := modulesOf(programs)
	if err != nil {
		return err
	}
	at, err := folders(modules)
	if err != nil {
		return err
	}
	of := map[string][]string{} // by text
	var texts []string
	for _, m := range append([]string{"the Go standard library"}, modules...) {
		found, err := notices(at[m])
		if err != nil {
			return fmt.Errorf("%s: %w", m, err)
		}
		for _, text := range found {
			if of[text] == nil {
				texts = append(texts, text)
			}
			of[text] = append(of[text], m)
		}
	}
	for _, text := range texts {
		if _, err := fmt.Fprintf(w, "%s\n%s\n%s\n\n%s\n\n", rule, strings.Join(slices.Compact(of[text]), "\n"), rule, text); err != nil {
			return err
		}
	}
	return nil
}

// modulesOf are all modules of the programs, PATH@VERSION, sorted.
func modulesOf(programs []string) ([]string, error) {
	var all []string
	for _, program := range programs {
		info, err := read(program)
		if err != nil {
			return nil, err
		}
		for _, m := range info.Deps {
			all = append(all, m.Path+"@"+m.Version)
		}
	}
	slices.Sort(all)
	return slices.Compact(all), nil
}

// folders is where the modules' sources are, fetched if need be.
func folders(modules []string) (map[string]string, error) {
	root, err := exec.Command("go", "env", "GOROOT").Output()
	if err != nil {
		return nil, fmt.Errorf("go env GOROOT: %w", err)
	}
	found := map[string]string{"the Go standard library": strings.TrimSpace(string(root))}
	if len(modules) == 0 {
		return found, nil
	}
	out, err := exec.Command("go", append([]string{"mod", "download", "-json"}, modules...)...).Output()
	if err != nil {
		return nil, fmt.Errorf("go mod download: %w: %s", err, out)
	}
	for d := json.NewDecoder(bytes.NewReader(out)); ; {
		var m struct{ Path, Version, Dir string }
		if err := d.Decode(&m); errors.Is(err, io.EOF) {
			return found, nil
		} else if err != nil {
			return nil, err
		}
		found[m.Path+"@"+m.Version] = m.Dir
	}
}

// notices are the texts at the top of a module; without any it must not be given on.
func notices(folder string) ([]string, error) {
	entries, err := os.ReadDir(folder)
	if err != nil {
		return nil, err
	}
	var all []string
	for _, e := range entries {
		if !e.Type().IsRegular() || !notice.MatchString(e.Name()) {
			continue
		}
		text, err := os.ReadFile(filepath.Join(folder, e.Name()))
		if err != nil {
			return nil, err
		}
		all = append(all, strings.TrimSpace(string(text)))
	}
	if len(all) == 0 {
		return nil, fmt.Errorf("there is no licence in %s", folder)
	}
	return all, nil
}
