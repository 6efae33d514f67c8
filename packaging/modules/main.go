// Command modules tells which Go modules programs were built from, as the programs
// themselves say.
//
//	modules sbom PROGRAM            a bill of materials in CycloneDX
//	modules licences PROGRAM...     the modules' licences, each text once
package main

import (
	"debug/buildinfo"
	"errors"
	"fmt"
	"os"
	"runtime/debug"
)

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "modules:", err)
		os.Exit(1)
	}
}

func run(args []string) error {
	switch {
	case len(args) == 2 && args[0] == "sbom":
		return writeSBOM(os.Stdout, args[1])
	case len(args) > 1 && args[0] == "licences":
		return writeLicences(os.Stdout, args[1:])
	}
	return errors.New("usage: modules sbom PROGRAM, or modules licences PROGRAM [PROGRAM ...]")
}

// read is what a program says of itself, replaced modules in their places.
func read(program string) (*debug.BuildInfo, error) {
	info, err := buildinfo.ReadFile(program)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", program, err)
	}
	for i, m := range info.Deps {
		if m.Replace != nil {
			info.Deps[i] = m.Replace
		}
	}
	return info, nil
}
