package journal

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/penstock-vpn/penstock/host/netcfg"
)

// Looking tells the living from the dead and the damaged, and changes nothing.
func TestLook(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "run")
	r, err := Begin(dir, "alive")
	if err != nil {
		t.Fatal(err)
	}
	if err := r.Undo(netcfg.Command{Args: []string{"true"}}, "lo"); err != nil {
		t.Fatal(err)
	}
	dead := `{"version":1,"name":"dead","process":{"pid":1,"start":1,"boot":"another"}}`
	for name, text := range map[string]string{"dead" + suffix: dead, "broken" + suffix: "{", "older" + suffix + ".damaged": dead, "other.sock": ""} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	all, err := Look(dir)
	if err != nil || len(all) != 4 {
		t.Fatalf("%+v, %v", all, err)
	}
	for _, l := range all {
		var ok bool
		switch l.Name {
		case "alive":
			ok = l.Alive && l.Settings && l.Device == "lo" && l.PID == os.Getpid() && l.Damaged == ""
		case "dead":
			ok = !l.Alive && !l.Settings && l.Device == "" && l.PID == 1 && l.Damaged == ""
		case "broken":
			ok = strings.Contains(l.Damaged, "cannot be read")
		case "older":
			ok = strings.Contains(l.Damaged, "set it aside")
		}
		if !ok {
			t.Errorf("%+v", l)
		}
	}
	if left, _ := filepath.Glob(filepath.Join(dir, "*")); len(left) != 5 {
		t.Errorf("%v are left", left)
	}
	if none, err := Look(filepath.Join(dir, "missing")); err != nil || len(none) != 0 {
		t.Errorf("%v, %v", none, err)
	}
}
