// Package python_test runs the Python reference as a host does.
package python_test

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"testing"

	"github.com/penstock-vpn/penstock/sdk"
	"github.com/penstock-vpn/penstock/sdk/plugintest"
	"github.com/penstock-vpn/penstock/sdk/plugintest/plainudp"
)

// TestMain wants the plugins to leave nothing, also when they were killed.
func TestMain(m *testing.M) {
	folder, err := os.MkdirTemp("", "python-test-")
	if err != nil {
		panic(err)
	}
	if err := os.Setenv("TMPDIR", folder); err != nil {
		panic(err)
	}
	code := m.Run()
	if left, err := os.ReadDir(folder); err != nil || len(left) > 0 {
		fmt.Fprintln(os.Stderr, "left behind:", left, err)
		code = max(code, 1)
	}
	os.RemoveAll(folder)
	os.Exit(code)
}

// interpreter is Debian's, which has grpc and protobuf as packages.
const interpreter = "/usr/bin/python3"

const settings = "address 10.9.0.2/24\nmtu 1380\nroute 10.9.0.0/24\ndns 10.9.0.1\n"

func launch(t testing.TB) *plugintest.Target { return launchProgram(t, "plainudp.py") }

func launchProgram(t testing.TB, program string) *plugintest.Target {
	t.Helper()
	cmd := exec.Command(interpreter, "-B", program)
	cmd.Env = []string{"PATH=/usr/bin:/bin", "LANG=C.UTF-8", "TMPDIR=" + os.TempDir()}
	return plugintest.Launch(t, cmd, plugintest.AuthPeerCred)
}

func prepare(gateway *plainudp.Gateway) func(h *plugintest.Host) {
	return func(h *plugintest.Host) {
		h.Gateway("udp", "vpn.example.com:5900", gateway.Serve)
		h.Answer("main", map[string]string{"username": "alice", "password": "Iridium-4711"})
	}
}

func TestPythonPluginConforms(t *testing.T) {
	gateway := &plainudp.Gateway{Username: "alice", Password: "Iridium-4711", Settings: settings}
	plugintest.ConformanceOf(t, launch, plugintest.Scenario{Prepare: prepare(gateway)})
}

func TestPythonPluginBringsTheTunnelUp(t *testing.T) {
	echo := func(packet []byte) []byte { return append([]byte("echo of "), packet...) }
	gateway := &plainudp.Gateway{Username: "alice", Password: "Iridium-4711", Settings: settings, Receive: echo}
	h := plugintest.NewHost(t)
	prepare(gateway)(h)
	run := h.Start(launch(t), plugintest.Profile{Protocol: "plainudp-python", Options: map[string]string{"gateway": "vpn.example.com"}})
	path, config := run.Path(), run.Config()
	if config.MTU != 1380 || len(config.Addresses) != 1 || config.Addresses[0].String() != "10.9.0.2/24" || len(config.Routes) != 1 || len(config.DNS) != 1 {
		t.Errorf("configured %+v", config)
	}
	path.Send([]byte("a packet"))
	if got := string(path.Packet()); got != "echo of a packet" {
		t.Errorf("the gateway returned %q", got)
	}
	run.Stop(true)
	if bye := path.Sent(); bye.Type != uint32(plainudp.Bye) {
		t.Errorf("sent %+v, want a bye", bye)
	}
	if err := run.Wait(); err != nil {
		t.Error(err)
	}
}

func TestPythonPluginSaysThatItWasRefused(t *testing.T) {
	gateway := &plainudp.Gateway{Username: "alice", Password: "other"}
	h := plugintest.NewHost(t)
	prepare(gateway)(h)
	err := h.Start(launch(t), plugintest.Profile{Options: map[string]string{"gateway": "vpn.example.com"}}).Wait()
	failure, ok := err.(*sdk.Failure)
	if !ok || len(failure.Diagnostics) != 1 || failure.Diagnostics[0].Detail != "wrong username or password" {
		t.Errorf("it ended with %#v", err)
	}
}

func TestPythonPluginFailsWhenTheGatewayGoes(t *testing.T) {
	h := plugintest.NewHost(t)
	prepare(&plainudp.Gateway{})(h)
	leave := make(chan struct{})
	gateway := &plainudp.Gateway{Username: "alice", Password: "Iridium-4711", Settings: settings}
	h.Gateway("udp", "vpn.example.com:5900", func(c net.Conn) {
		go gateway.Serve(c)
		<-leave
	})
	run := h.Start(launch(t), plugintest.Profile{Options: map[string]string{"gateway": "vpn.example.com"}})
	run.Config()
	run.Path()
	close(leave)
	failure, ok := run.Wait().(*sdk.Failure)
	if !ok || failure.Retry != sdk.Backoff {
		t.Errorf("it ended with %#v", failure)
	}
}
