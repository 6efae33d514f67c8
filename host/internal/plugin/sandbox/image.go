package sandbox

import (
	"bytes"
	"debug/elf"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"strings"
	"unicode"
)

// kind is how an image is executed.
type kind struct {
	interpreter []string // of a script: program and at most one argument
	static      bool     // a binary that needs no file of the system
}

// maxShebang is what the kernel reads of a script's first line, in bytes.
const maxShebang = 256

// kindOf reads the image's beginning.
func kindOf(image io.ReaderAt) (kind, error) {
	head := make([]byte, maxShebang)
	n, err := image.ReadAt(head, 0)
	if err != nil && !errors.Is(err, io.EOF) {
		return kind{}, err
	}
	if head = head[:n]; bytes.HasPrefix(head, []byte("#!")) {
		interpreter, err := parseShebang(head)
		return kind{interpreter: interpreter}, err
	}
	f, err := elf.NewFile(image)
	if err != nil {
		return kind{}, errors.New("it is neither an ELF program nor a script with a #! line")
	}
	for _, p := range f.Progs {
		if p.Type == elf.PT_INTERP {
			return kind{}, nil
		}
	}
	return kind{static: true}, nil
}

// parseShebang splits a script's first line as the kernel does.
func parseShebang(head []byte) ([]string, error) {
	line, _, whole := bytes.Cut(head[2:], []byte("\n"))
	if !whole {
		return nil, fmt.Errorf("its first line is longer than %d bytes", maxShebang)
	}
	text := strings.ReplaceAll(strings.Trim(string(line), " \t\r"), "\t", " ")
	program, argument, _ := strings.Cut(text, " ")
	switch {
	case strings.ContainsFunc(text, unicode.IsControl):
		return nil, fmt.Errorf("its first line holds control characters: %.64q", text)
	case !filepath.IsAbs(program) || filepath.Base(program) == "env":
		return nil, fmt.Errorf("its first line must name the interpreter itself, like #!/usr/bin/python3, not %.64q", program)
	case strings.Trim(argument, " ") == "":
		return []string{filepath.Clean(program)}, nil
	}
	return []string{filepath.Clean(program), strings.Trim(argument, " ")}, nil
}
