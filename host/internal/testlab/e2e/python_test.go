package e2e

import (
	"archive/zip"
	"bytes"
	"io/fs"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/net/icmp"
	"golang.org/x/net/ipv4"

	"github.com/penstock-vpn/penstock/host/internal/testlab"
	"github.com/penstock-vpn/penstock/sdk/plugintest/plainudp"
)

const pythonPlugin = "plainudp-python"

// The reference in a second language, run by the real host: login, settings,
// handover, packets in the host, and the end.
func TestPythonPlugin(t *testing.T) {
	needPenstock(t)
	t.Parallel()
	l := lab(t)
	plainGateway(t, l, plainudp.Gateway{Username: testlab.User, Password: testlab.Password,
		Settings: "address 10.88.0.9/24\nmtu 1380\nroute " + testlab.InsideV4 + "/32\n", Receive: echo})
	plugins := l.Client.Path("/run/plugins")
	must(t, os.Mkdir(plugins, 0o755))
	program := filepath.Join(plugins, pythonPlugin)
	must(t, os.WriteFile(program, zipapp(t), 0o755))
	manifest := exec.Command("go", "run", "./host/internal/registry/manifest", "-auth", "peercred", "-o", program+".toml", program)
	manifest.Dir = moduleRoot(t)
	if out, err := manifest.CombinedOutput(); err != nil {
		t.Fatalf("manifest: %v: %s", err, out)
	}
	before := snapshot(t, l)
	connectBy := testlab.Argv{penstock.Program(), "connect", "--plugin-dir", "/run/plugins", "--protocol", pythonPlugin,
		"--username", testlab.User, "--password-stdin", testlab.GatewayName}
	t.Run("refused", func(t *testing.T) {
		c, err := l.Launch(connectBy, testlab.Spec{Answers: []string{"Xylem-5150"}})
		must(t, err)
		code, err := c.Wait(20 * time.Second)
		must(t, err)
		if code != exitRefused || !strings.Contains(c.Stderr(), "wrong username or password") {
			t.Errorf("exit status %d: %s", code, c.Stderr())
		}
		unchanged(t, l, before)
	})
	t.Run("tunnel", func(t *testing.T) {
		c, err := l.Connect(within(t, 20*time.Second), connectBy, testlab.Spec{Answers: []string{testlab.Password}})
		must(t, err)
		st := status(t, l)
		if st.Protocol != pythonPlugin || st.Transport != "udp" || st.MTU != 1380 {
			t.Errorf("status %+v", st)
		}
		pings, err := l.Client.Ping(testlab.InsideV4, 20*time.Millisecond)
		must(t, err)
		pause(t, time.Second)
		if sum := pings.Stop(); len(sum.Lost) > 0 {
			t.Errorf("pings: %s", sum)
		}
		disconnect(t, c)
		unchanged(t, l, before)
	})
}

// plainGateway serves the example protocol on the gateway.
func plainGateway(t *testing.T, l *testlab.Lab, gateway plainudp.Gateway) {
	t.Helper()
	var conn net.PacketConn
	must(t, l.Gateway.Do(func() (err error) {
		conn, err = net.ListenPacket("udp", ":5900")
		return err
	}))
	t.Cleanup(func() { conn.Close() })
	go func() {
		clients, buffer := map[string]*plainudp.Client{}, make([]byte, 1<<16)
		for {
			n, from, err := conn.ReadFrom(buffer)
			if err != nil {
				return
			}
			client := clients[from.String()]
			if client == nil {
				client = &plainudp.Client{}
				clients[from.String()] = client
			}
			if answer := gateway.Handle(client, buffer[:n]); answer != nil {
				conn.WriteTo(answer, from)
			}
		}
	}()
}

// echo turns an IPv4 echo request into its answer; nil for any other packet.
func echo(packet []byte) []byte {
	h, err := ipv4.ParseHeader(packet)
	if err != nil || h.Protocol != 1 || len(packet) < h.Len+8 || packet[h.Len] != byte(ipv4.ICMPTypeEcho) {
		return nil
	}
	request, err := icmp.ParseMessage(1, packet[h.Len:])
	if err != nil {
		return nil
	}
	body, err := (&icmp.Message{Type: ipv4.ICMPTypeEchoReply, Body: request.Body}).Marshal(nil)
	if err != nil {
		return nil
	}
	answer := append(bytes.Clone(packet[:h.Len]), body...)
	copy(answer[12:16], h.Dst.To4()) // the header's sum stays: the same words, in another order
	copy(answer[16:20], h.Src.To4())
	return answer
}

// zipapp packs the plugin and its library in one program, as Python's zipapp does:
// what the manifest's sha256 covers is then all of it.
func zipapp(t *testing.T) []byte {
	t.Helper()
	source := os.DirFS(filepath.Join(moduleRoot(t), "sdk", "python"))
	var b bytes.Buffer
	b.WriteString("#!/usr/bin/python3\n")
	z := zip.NewWriter(&b)
	z.SetOffset(int64(b.Len()))
	add := func(name, as string) {
		content, err := fs.ReadFile(source, name)
		must(t, err)
		w, err := z.Create(as)
		must(t, err)
		_, err = w.Write(content)
		must(t, err)
	}
	library, err := fs.Glob(source, "penstock/*.py")
	must(t, err)
	for _, name := range library {
		add(name, name)
	}
	add("plainudp.py", "__main__.py")
	must(t, z.Close())
	return b.Bytes()
}

func moduleRoot(t *testing.T) string {
	t.Helper()
	out, err := exec.Command("go", "list", "-m", "-f", "{{.Dir}}").Output()
	must(t, err)
	return strings.TrimSpace(string(out))
}
