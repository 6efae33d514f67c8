package houserules

import (
	"encoding/json"
	"io"
	"os/exec"
	"slices"
	"strings"
	"testing"
)

const module = "github.com/penstock-vpn/penstock"

// onlyFrom names who may import a package directly, and why not everybody.
var onlyFrom = []struct {
	imported string
	from     []string
	why      string
}{
	{"github.com/hashicorp/go-plugin", []string{"host/internal/plugin", "sdk/plugintest"}, "one place starts plugins, and one for their authors' tests"},
	{"github.com/godbus/dbus", []string{"nm", "host/internal/netmon", "host/internal/testlab"}, "D-Bus stays at the edges: NetworkManager and logind"},
	{"github.com/BurntSushi/toml", []string{"host/internal/config", "host/internal/registry"}, "files are parsed where their errors get line numbers"},
	{"github.com/songgao/water", []string{"host/internal/tun"}, "TUN backends hide behind one interface"},
	{"golang.zx2c4.com/wireguard", []string{"host/internal/tun", "host/internal/testlab/loadgate"}, "TUN backends hide behind one interface; wireguard-go itself is a yardstick"},
	{"gvisor.dev/gvisor", []string{"host/internal/userstack"}, "one place knows the TCP/IP that is not the kernel's"},
	{"github.com/pion", []string{"host/internal/dtls"}, "DTLS handshakes stay in one package"},
	{"github.com/spf13/cobra", []string{"host/cmd/penstock"}, "the command line is one face of several"},
}

// onlyStandard are codecs: a remote byte meets nothing but the standard library and x/crypto.
var onlyStandard = map[string][]string{
	"host/internal/packet":    nil,
	"host/internal/frame":     {module + "/sdk/framing", module + "/host/internal/packet", module + "/host/internal/frame/"},
	"host/internal/frame/ppp": nil,
	"host/internal/esp":       {module + "/host/internal/packet", module + "/host/internal/replay"},
	"host/internal/replay":    nil,
	"host/internal/session":   {module + "/sdk/diag"},
	"host/internal/dtls":      {"github.com/pion/", module + "/host/internal/"},
	"sdk/framing":             nil,
}

// stays says which of our packages a folder may use.
var stays = []struct {
	folder  string
	allowed []string
	why     string
}{
	{"sdk", []string{"sdk"}, "a plugin author gets the sdk without the host"},
	{"plugins", []string{"plugins", "sdk"}, "our plugins are third parties too"},
	{"nm", []string{"nm", "host", "host/netcfg", "host/ui", "host/foreign", "sdk"}, "a front end sees the host's outside; what other plugins' keys mean is known once, for files and for connections that are taken over"},
	{"vpnc-script", []string{"vpnc-script", "host", "host/netcfg", "host/ui", "sdk"}, "a front end sees the host's outside"},
}

type pkg struct {
	ImportPath string
	Imports    []string
}

func packages(t *testing.T) []pkg {
	t.Helper()
	out, err := exec.Command("go", "list", "-e", "-json=ImportPath,Imports", module+"/...").Output()
	if err != nil {
		t.Fatalf("go list: %v", err)
	}
	var all []pkg
	for d := json.NewDecoder(strings.NewReader(string(out))); ; {
		var p pkg
		if err := d.Decode(&p); err == io.EOF {
			return all
		} else if err != nil {
			t.Fatal(err)
		}
		all = append(all, p)
	}
}

func within(path string, folders ...string) bool {
	return slices.ContainsFunc(folders, func(f string) bool { return path == f || strings.HasPrefix(path, f+"/") })
}

func TestImportEdges(t *testing.T) {
	for _, p := range packages(t) {
		here := strings.TrimPrefix(p.ImportPath, module+"/")
		for _, imported := range p.Imports {
			for _, rule := range onlyFrom {
				if within(imported, rule.imported) && !within(here, rule.from...) {
					t.Errorf("%s imports %s: %s", here, imported, rule.why)
				}
			}
			ours, isOurs := strings.CutPrefix(imported, module+"/")
			for _, rule := range stays {
				if isOurs && within(here, rule.folder) && !allowed(ours, rule.allowed) {
					t.Errorf("%s imports %s: %s", here, ours, rule.why)
				}
			}
		}
	}
}

// allowed takes "host" alone for the package itself and other folders whole.
func allowed(ours string, folders []string) bool {
	return slices.ContainsFunc(folders, func(f string) bool { return ours == f || f != "host" && strings.HasPrefix(ours, f+"/") })
}

func TestCodecsUseTheStandardLibraryOnly(t *testing.T) {
	for _, p := range packages(t) {
		here := strings.TrimPrefix(p.ImportPath, module+"/")
		extra, isCodec := onlyStandard[here]
		if !isCodec {
			continue
		}
		for _, imported := range p.Imports {
			standard := !strings.Contains(strings.Split(imported, "/")[0], ".")
			if !standard && !strings.HasPrefix(imported, "golang.org/x/crypto/") && !slices.ContainsFunc(extra, func(e string) bool { return strings.HasPrefix(imported, e) }) {
				t.Errorf("%s imports %s: a codec stands on the standard library", here, imported)
			}
			if within(imported, "log", "log/slog") {
				t.Errorf("%s imports %s: a codec returns errors", here, imported)
			}
		}
	}
}
