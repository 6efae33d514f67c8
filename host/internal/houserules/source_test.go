package houserules

import (
	"bytes"
	"go/ast"
	"go/format"
	"go/parser"
	"go/token"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
)

const (
	maxFileLines     = 500
	maxFunctionLines = 80
)

// topLevel is all that the repository's root may hold, dot files aside.
var topLevel = []string{"host", "plugins", "nm", "vpnc-script", "sdk", "packaging", "go.mod", "go.sum", "Makefile", "README.md", "LICENSE"}

var findRoot = sync.OnceValues(func() (string, error) {
	out, err := exec.Command("go", "list", "-m", "-f", "{{.Dir}}").Output()
	return strings.TrimSpace(string(out)), err
})

func root(t *testing.T) string {
	t.Helper()
	dir, err := findRoot()
	if err != nil {
		t.Fatalf("go list -m: %v", err)
	}
	return dir
}

// files are the tracked or new files of the repository.
func files(t *testing.T, suffix ...string) []string {
	t.Helper()
	cmd := exec.Command("git", "ls-files", "--cached", "--others", "--exclude-standard")
	cmd.Dir = root(t)
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("git ls-files: %v", err)
	}
	var found []string
	for name := range strings.Lines(string(out)) {
		name = strings.TrimSpace(name)
		if slices.ContainsFunc(suffix, func(s string) bool { return strings.HasSuffix(name, s) }) || len(suffix) == 0 {
			if _, err := os.Stat(filepath.Join(root(t), name)); err == nil {
				found = append(found, name)
			}
		}
	}
	return found
}

func generated(name string) bool { return strings.HasSuffix(name, ".pb.go") }

func read(t *testing.T, name string) []byte {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(root(t), name))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestTopLevelIsFixed(t *testing.T) {
	for _, name := range files(t) {
		first, _, _ := strings.Cut(name, "/")
		if !strings.HasPrefix(first, ".") && !slices.Contains(topLevel, first) {
			t.Errorf("%s: the top level is fixed; find the folder it belongs to", name)
		}
	}
}

func TestFilesAndFunctionsAreSmall(t *testing.T) {
	for _, name := range files(t, ".go") {
		if generated(name) {
			continue
		}
		src := read(t, name)
		if lines := bytes.Count(src, []byte("\n")); lines > maxFileLines {
			t.Errorf("%s has %d lines, at most %d: split it by concern", name, lines, maxFileLines)
		}
		fset := token.NewFileSet()
		f, err := parser.ParseFile(fset, name, src, parser.ParseComments)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		for _, d := range f.Decls {
			fn, ok := d.(*ast.FuncDecl)
			if !ok || strings.HasSuffix(name, "_test.go") {
				continue
			}
			if n := fset.Position(fn.End()).Line - fset.Position(fn.Pos()).Line; n > maxFunctionLines {
				t.Errorf("%s: %s has %d lines, at most %d", name, fn.Name.Name, n, maxFunctionLines)
			}
		}
	}
}

func TestFormatted(t *testing.T) {
	for _, name := range files(t, ".go") {
		src := read(t, name)
		if out, err := format.Source(src); err != nil || !bytes.Equal(out, src) {
			t.Errorf("%s is not gofmt-ed: run make fmt", name)
		}
	}
}

func TestEveryPackageIsDocumented(t *testing.T) {
	documented := map[string]bool{}
	for _, name := range files(t, ".go") {
		if strings.HasSuffix(name, "_test.go") || strings.Contains(name, "testdata/") {
			continue
		}
		f, err := parser.ParseFile(token.NewFileSet(), name, read(t, name), parser.ParseComments|parser.PackageClauseOnly)
		if err != nil {
			t.Fatal(err)
		}
		dir := filepath.Dir(name)
		documented[dir] = documented[dir] || f.Doc != nil
	}
	for dir, ok := range documented {
		if !ok {
			t.Errorf("%s has no package comment: say in one sentence what it is for", dir)
		}
	}
}

func TestExportedNamesAreDocumented(t *testing.T) {
	for _, name := range files(t, ".go") {
		if generated(name) || strings.HasSuffix(name, "_test.go") || strings.HasPrefix(name, "host/cmd/") {
			continue
		}
		f, err := parser.ParseFile(token.NewFileSet(), name, read(t, name), parser.ParseComments)
		if err != nil {
			t.Fatal(err)
		}
		for _, d := range f.Decls {
			if fn, ok := d.(*ast.FuncDecl); ok && fn.Name.IsExported() && fn.Doc == nil && !methodOfHidden(fn) && fn.Name.Name != "Error" && fn.Name.Name != "String" {
				t.Errorf("%s: %s has no comment", name, fn.Name.Name)
			}
		}
	}
}

// methodOfHidden says whether fn belongs to a type that is not exported.
func methodOfHidden(fn *ast.FuncDecl) bool {
	if fn.Recv == nil || len(fn.Recv.List) == 0 {
		return false
	}
	typ := fn.Recv.List[0].Type
	if star, ok := typ.(*ast.StarExpr); ok {
		typ = star.X
	}
	if index, ok := typ.(*ast.IndexExpr); ok {
		typ = index.X
	}
	name, ok := typ.(*ast.Ident)
	return ok && !name.IsExported()
}

var forbidden = []struct {
	pattern *regexp.Regexp
	tests   bool // only in tests
	why     string
}{
	{regexp.MustCompile(`\b(TO` + `DO|FIX` + `ME|XX` + `X)\b`), false, "finish it, or say in the README what is left out"},
	{regexp.MustCompile(`time\.` + `Sleep\(`), true, "a test waits for what it wants to see, not for the clock"},
}

func TestForbiddenWords(t *testing.T) {
	for _, name := range files(t, ".go", ".sh", ".py") {
		if generated(name) || strings.Contains(name, "_pb2") {
			continue
		}
		for i, line := range strings.Split(string(read(t, name)), "\n") {
			for _, f := range forbidden {
				if f.pattern.MatchString(line) && (!f.tests || strings.HasSuffix(name, "_test.go")) {
					t.Errorf("%s:%d: %s: %s", name, i+1, strings.TrimSpace(line), f.why)
				}
			}
		}
	}
}

// A function that parses bytes parses hostile bytes: its package has a fuzz target.
func TestParsersAreFuzzed(t *testing.T) {
	parsers, fuzzed := map[string]string{}, map[string]bool{}
	for _, name := range files(t, ".go") {
		if generated(name) || strings.Contains(name, "testdata/") {
			continue
		}
		f, err := parser.ParseFile(token.NewFileSet(), name, read(t, name), 0)
		if err != nil {
			t.Fatal(err)
		}
		for _, d := range f.Decls {
			fn, ok := d.(*ast.FuncDecl)
			switch {
			case !ok:
			case strings.HasSuffix(name, "_test.go"):
				fuzzed[filepath.Dir(name)] = fuzzed[filepath.Dir(name)] || strings.HasPrefix(fn.Name.Name, "Fuzz")
			case strings.HasPrefix(strings.ToLower(fn.Name.Name), "parse") && takesBytes(fn):
				parsers[filepath.Dir(name)] = fn.Name.Name
			}
		}
	}
	for dir, fn := range parsers {
		if !fuzzed[dir] {
			t.Errorf("%s: %s has no fuzz target beside it", dir, fn)
		}
	}
}

func takesBytes(fn *ast.FuncDecl) bool {
	if len(fn.Type.Params.List) == 0 {
		return false
	}
	slice, ok := fn.Type.Params.List[0].Type.(*ast.ArrayType)
	if !ok || slice.Len != nil {
		return false
	}
	elem, ok := slice.Elt.(*ast.Ident)
	return ok && elem.Name == "byte"
}

// Only what is built and named as a long test is run by make test-long, and nowhere else.
func TestSlowTestsAreApart(t *testing.T) {
	const tag = "//go:build long\n"
	for _, name := range files(t, "_test.go") {
		src := string(read(t, name))
		long := strings.HasSuffix(name, "_long_test.go")
		if long != strings.HasPrefix(src, tag) {
			t.Errorf("%s: the tag long and the name *_long_test.go go together", name)
		}
		for line := range strings.Lines(src) {
			if is := strings.HasPrefix(line, "func TestLong"); is && !long {
				t.Errorf("%s: %s is no long test by its file", name, strings.TrimSpace(line))
			} else if !is && long && strings.HasPrefix(line, "func Test") {
				t.Errorf("%s: a long test is called TestLong..., not %s", name, strings.TrimSpace(line))
			}
		}
	}
}
