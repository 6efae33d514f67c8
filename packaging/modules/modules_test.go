package main

import (
	"bytes"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// program is one with a dependency; tests themselves tell of none.
func program(t *testing.T) string {
	t.Helper()
	name := filepath.Join(t.TempDir(), "program")
	if out, err := exec.Command("go", "build", "-trimpath", "-o", name, "github.com/penstock-vpn/penstock/plugins/sstp").CombinedOutput(); err != nil {
		t.Fatalf("go build: %v: %s", err, out)
	}
	return name
}

func TestModules(t *testing.T) {
	name := program(t)
	t.Run("bill of materials", func(t *testing.T) { testSBOM(t, name) })
	t.Run("licences", func(t *testing.T) {
		var out, again bytes.Buffer
		if err := writeLicences(&out, []string{name, name}); err != nil {
			t.Fatal(err)
		}
		if err := writeLicences(&again, []string{name}); err != nil || again.String() != out.String() {
			t.Errorf("a program that is named twice counts twice: %v", err)
		}
		for _, want := range []string{"\nthe Go standard library\n", "\ngoogle.golang.org/grpc@v", "Apache License", "Redistribution and use in source and binary forms"} {
			if strings.Count(out.String(), want) < 1 {
				t.Errorf("%q is missing", want)
			}
		}
	})
}

func testSBOM(t *testing.T, name string) {
	t.Setenv("SOURCE_DATE_EPOCH", "86400")
	t.Setenv("PACKAGE_VERSION", "1.2.3")
	var out, again bytes.Buffer
	if err := writeSBOM(&out, name); err != nil {
		t.Fatal(err)
	}
	if err := writeSBOM(&again, name); err != nil || again.String() != out.String() {
		t.Errorf("the second bill differs: %v", err)
	}
	var b bill
	if err := json.Unmarshal(out.Bytes(), &b); err != nil {
		t.Fatal(err)
	}
	if b.Metadata.Timestamp != "1970-01-02T00:00:00Z" || b.Metadata.Component.Version != "1.2.3" || b.Metadata.Component.Name != "program" {
		t.Errorf("%+v", b.Metadata)
	}
	if !regexp.MustCompile(`^urn:uuid:[0-9a-f]{8}-[0-9a-f]{4}-8[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$`).MatchString(b.Serial) {
		t.Errorf("serial number %s", b.Serial)
	}
	listed, err := exec.Command("go", "version", "-m", name).Output()
	if err != nil {
		t.Fatal(err)
	}
	for _, line := range strings.Split(string(listed), "\n") {
		if f := strings.Fields(line); len(f) > 2 && f[0] == "dep" && !strings.Contains(out.String(), `"pkg:golang/`+f[1]+"@"+strings.ReplaceAll(f[2], "+", "%2B")+`"`) {
			t.Errorf("%s is missing", f[1])
		}
	}
	if !strings.Contains(out.String(), `"pkg:golang/std@1.`) || len(b.Dependencies[0].On) != len(b.Components) {
		t.Errorf("the standard library, or an edge, is missing: %+v", b.Dependencies)
	}
}

func TestWhatIsNoProgram(t *testing.T) {
	text := filepath.Join(t.TempDir(), "text")
	if err := os.WriteFile(text, []byte("text"), 0o644); err != nil {
		t.Fatal(err)
	}
	for _, args := range [][]string{{"sbom", text}, {"licences", text}, {"sbom"}, {"sbom", "/nowhere"}, {}} {
		if err := run(args); err == nil {
			t.Errorf("%q is taken", args)
		}
	}
	if _, err := notices(filepath.Dir(text)); err == nil {
		t.Error("a module without a licence is given on")
	}
	if _, err := timestamp("yesterday"); err == nil {
		t.Error("a time that is none")
	}
}
