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

// pppdPlugin compiles a plugin of pppd's, for what its options do not reach, and returns its path.
func pppdPlugin(t *testing.T, l *testlab.Lab, source string) string {
	t.Helper()
	path := filepath.Join(l.Gateway.Dir, "plugin.c")
	must(t, os.WriteFile(path, []byte("char pppd_version[] = \"2.4.9\";\n"+source), 0o644))
	library := strings.TrimSuffix(path, ".c") + ".so"
	if out, err := exec.Command("gcc", "-shared", "-fPIC", "-o", library, path).CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	return library
}

// eapTLSServer is a line of a guest's script that gives pppd the certificates for EAP-TLS.
func eapTLSServer(l *testlab.Lab) string {
	return fmt.Sprintf("echo 'alice gate - %s %s %s *' >/etc/ppp/eaptls-server", l.PKI.Cert("server"), l.PKI.Cert("ca"), l.PKI.Key("server"))
}
