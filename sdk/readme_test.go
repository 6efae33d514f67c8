package sdk_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"google.golang.org/protobuf/encoding/protojson"

	"github.com/penstock-vpn/penstock/sdk/pluginpb"
	"github.com/penstock-vpn/penstock/sdk/plugintest"
	"github.com/penstock-vpn/penstock/sdk/plugintest/plainudp"
)

// buildReadme builds the program of the README.
func buildReadme(t *testing.T) string {
	t.Helper()
	page, err := os.ReadFile("README.md")
	if err != nil {
		t.Fatal(err)
	}
	_, rest, found := strings.Cut(string(page), "```go\n")
	program, _, ended := strings.Cut(rest, "```\n")
	if !found || !ended {
		t.Fatal("README.md has no Go program")
	}
	source, binary := filepath.Join(t.TempDir(), "main.go"), filepath.Join(t.TempDir(), "plainudp")
	if err := os.WriteFile(source, []byte(program), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, args := range [][]string{{"vet", source}, {"build", "-o", binary, source}} {
		if out, err := exec.Command("go", args...).CombinedOutput(); err != nil {
			t.Fatalf("go %s: %v\n%s", args[0], err, out)
		}
	}
	if out, err := exec.Command("gofmt", "-l", source).Output(); err != nil || len(out) > 0 {
		t.Errorf("the README's program is not formatted (%v)", err)
	}
	return binary
}

func plainudpScenario() plugintest.Scenario {
	gateway := &plainudp.Gateway{Username: "alice", Password: "Iridium-4711", Settings: "address 10.9.0.2/24\nmtu 1380\nroute 10.9.0.0/24\ndns 10.9.0.1\n"}
	return plugintest.Scenario{Prepare: func(h *plugintest.Host) {
		h.Gateway("udp", "vpn.example.com:5900", gateway.Serve)
		h.Answer("main", map[string]string{"username": "alice", "password": "Iridium-4711"})
	}}
}

func TestReadmeProgramConforms(t *testing.T) {
	binary := buildReadme(t)
	plugintest.ConformanceOf(t, func(t testing.TB) *plugintest.Target {
		return plugintest.Launch(t, exec.Command(binary), plugintest.AuthMTLS)
	}, plainudpScenario())
}

func TestReadmeProgramPrintsItsManifest(t *testing.T) {
	cmd := exec.Command(buildReadme(t), "--manifest")
	cmd.Env = []string{}
	out, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	var d pluginpb.DescribeResponse
	if err := protojson.Unmarshal(out, &d); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	if d.GetName() != "plainudp" || len(d.GetProtocols()) != 1 {
		t.Errorf("described as %v", &d)
	}
}
