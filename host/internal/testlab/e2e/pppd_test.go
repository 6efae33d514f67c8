package e2e

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/penstock-vpn/penstock/host/internal/testlab"
)

// library compiles a library for pppd, for what its options do not reach, and returns its path.
func library(t *testing.T, l *testlab.Lab, source string) string {
	t.Helper()
	path := filepath.Join(l.Gateway.Dir, "library.c")
	must(t, os.WriteFile(path, []byte(source), 0o644))
	compiled := strings.TrimSuffix(path, ".c") + ".so"
	if out, err := exec.Command("gcc", "-shared", "-fPIC", "-o", compiled, path).CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	return compiled
}

// eapTLSServer is a line of a guest's script that gives pppd the certificates for EAP-TLS.
func eapTLSServer(l *testlab.Lab) string {
	return fmt.Sprintf("echo 'alice gate - %s %s %s *' >/etc/ppp/eaptls-server", l.PKI.Cert("server"), l.PKI.Cert("ca"), l.PKI.Key("server"))
}
