package testlab

import (
	"fmt"
	"os/exec"
	"strings"
)

// Install is `make install DESTDIR=dir` of the module's root.
func Install(dir string) error {
	root, err := exec.Command("go", "list", "-m", "-f", "{{.Dir}}").Output()
	if err != nil {
		return fmt.Errorf("go list -m: %w", err)
	}
	if out, err := exec.Command("make", "-C", strings.TrimSpace(string(root)), "install", "DESTDIR="+dir).CombinedOutput(); err != nil {
		return fmt.Errorf("make install: %w: %s", err, out)
	}
	return nil
}
