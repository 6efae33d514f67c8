package agree

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// sound is what penstock prints, in small.
const sound = `[{"protocols": [{"name": "acme", "label": "Acme", "options": [
 {"key": "mode", "type": "enum", "label": "Mode", "help": "How \"it\" goes [{", "default": "plain", "required": true, "secret": false,
  "choices": ["plain", "token"], "group": "Acme", "advanced": false, "min": 0, "max": 0, "allowed": "plain or token"},
 {"key": "retries", "type": "int", "label": "", "min": 1, "max": 9, "visible-if": {"key": "mode", "value": "token"}, "advanced": true}]}],
 "new": {"otp-flags": "2"}}]`

// hostile is what another penstock, or none at all, might print, and what comes of it.
var hostile = []struct{ says, want string }{
	{sound, "1 protocols, 2 options"},
	{"", "error: "},
	{"penstock: no", "error: "},
	{"{}", "error: "},
	{"[]", "error: "},
	{"[{}, {}]", "error: "},
	{"[[]]", "error: "},
	{"[{}]", "error: No plugin of penstock is installed"},
	{`[{"protocols": {}}]`, "error: No plugin"},
	{`[{"protocols": [null, 1, "x", [], {}, {"name": 5}, {"name": ""}]}]`, "error: No plugin"},
	{`[{"protocols": [{"name": "a", "label": {}, "options": "x"}], "new": []}]`, "1 protocols, 0 options"},
	{`[{"protocols": [{"name": "a", "options": [null, [], {"key": []}, {"key": "k", "type": 1, "label": [], "help": {}, "required": "x",
 "secret": {}, "advanced": [1], "min": "x", "max": 1e400, "choices": {}, "visible-if": [], "allowed": null}]}], "new": {"a": 1, "b": {}}}]`, "1 protocols, 1 options"},
	{`[{"protocols": [{"name": "a", "options": [{"key": "k", "type": "enum", "choices": [1, null, [], {}, "x"]}]}]}]`, "1 protocols, 1 options"},
	{`[{"protocols": [{"name": "a\u0000b", "options": []}]}]`, ""},
	{strings.Repeat("[", 1<<18), "error: what penstock prints is no form's"},
	{strings.Repeat(`{"a":`, 1<<18), "error: what penstock prints is no form's"},
	{`/* " */` + strings.Repeat("[", 1<<18), "error: what penstock prints is no form's"},
	{`'"'` + strings.Repeat("[", 1<<18), "error: what penstock prints is no form's"},
	{`["` + strings.Repeat("[", 1<<18) + `"]`, "error: what penstock prints is no list of one object"},
	{`["` + strings.Repeat("x", 9<<20) + `"]`, "error: what penstock prints is no form's"},
	{`[{"protocols": [{"name": "a", "options": [` + strings.Repeat(`{"key": "k"},`, 20000) + `{"key": "k"}]}]}]`, "1 protocols, 20001 options"},
	{"[\"\xff\xfe\"]", "error: "},
	{`["\`, "error: "},
	{`["`, "error: "},
}

// The editor runs in other people's programs: nothing that is printed may break them.
func TestWhatIsNoSchemaIsRefused(t *testing.T) {
	dir := t.TempDir()
	program := filepath.Join(dir, "read")
	compile(t, program, "testdata/read.c ../schema.c ../option.c ../program.c", "libnm json-glib-1.0")
	if err := os.WriteFile(filepath.Join(dir, "penstock"), []byte("#!/bin/sh\nexec cat \"$PENSTOCK_SAYS\"\n"), 0o755); err != nil {
		t.Fatal(err)
	}
	r := rand.New(rand.NewPCG(3, 4))
	const random = 100
	var files []string
	for i := range len(hostile) + random {
		says := twisted(t, r)
		if i < len(hostile) {
			says = hostile[i].says
		}
		files = append(files, filepath.Join(dir, fmt.Sprint(i)))
		if err := os.WriteFile(files[i], []byte(says), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	reader := exec.Command(program, files...)
	reader.Env = append(os.Environ(), "PATH="+dir+":"+os.Getenv("PATH"), "G_DEBUG=fatal-warnings")
	out, err := reader.CombinedOutput()
	lines := strings.Split(strings.TrimSpace(string(out)), "\n")
	if err != nil || len(lines) != len(files) {
		t.Fatalf("%v, %d answers to %d schemas: %s", err, len(lines), len(files), out)
	}
	for i, c := range hostile {
		if !strings.HasPrefix(lines[i], c.want) {
			t.Errorf("%.80q: %s, want %s", c.says, lines[i], c.want)
		}
	}
	for i, line := range lines {
		if line == "neither" || line == "both" {
			t.Errorf("%s: %s a schema and an error", files[i], line)
		}
	}
}

// twisted is the sound one with something else in some places.
func twisted(t *testing.T, r *rand.Rand) string {
	t.Helper()
	var root any
	if err := json.Unmarshal([]byte(sound), &root); err != nil {
		t.Fatal(err)
	}
	others := []any{nil, true, -1.0, 1e300, "", "x", []any{}, []any{"x"}, map[string]any{}, map[string]any{"key": 1.0}}
	var twist func(v any) any
	twist = func(v any) any {
		if r.IntN(12) == 0 {
			return others[r.IntN(len(others))]
		}
		switch v := v.(type) {
		case []any:
			for i := range v {
				v[i] = twist(v[i])
			}
		case map[string]any:
			for key := range v {
				v[key] = twist(v[key])
			}
		}
		return v
	}
	text, err := json.Marshal(twist(root))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}
