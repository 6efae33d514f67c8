package control

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"io/fs"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/penstock-vpn/penstock/sdk/diag"
)

func sample(name string) Status {
	return Status{
		Name: name, Protocol: "anyconnect", State: Connected, Interface: "penstock0", Gateway: "vpn.example.com",
		Addresses: []netip.Prefix{netip.MustParsePrefix("10.0.0.7/24")}, MTU: 1400, Transport: "dtls", Cipher: "AES",
		RxBytes: 1, TxBytes: 2, RxPackets: 3, TxPackets: 4, ConnectedAt: time.Unix(1700000000, 0).UTC(), PluginPID: 5, PID: 6,
	}
}

// serve runs a connection's socket; the actions it is asked for end up in the channel.
func serve(t *testing.T, dir, name string) (*Server, <-chan Action) {
	t.Helper()
	s, err := Listen(t.Context(), dir, name, 0)
	if err != nil {
		t.Fatal(err)
	}
	actions, done := make(chan Action, 8), make(chan error, 1)
	go func() { done <- s.Serve(func() Status { return sample(name) }, func(a Action) { actions <- a }) }()
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	return s, actions
}

func folder(t *testing.T) string {
	t.Helper()
	return filepath.Join(t.TempDir(), "penstock")
}

func TestStatusOfEveryConnection(t *testing.T) {
	dir := folder(t)
	serve(t, dir, "b")
	serve(t, dir, "a")
	all, failed := List(t.Context(), []string{dir, filepath.Join(dir, "none")})
	if len(failed) > 0 || len(all) != 2 || all[0].Name != "a" || all[1].Name != "b" {
		t.Fatalf("%+v, %v", all, failed)
	}
	want, _ := json.Marshal(sample("a"))
	if got, _ := json.Marshal(all[0]); string(got) != string(want) {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

func TestStatusInJSONHasEveryField(t *testing.T) {
	text, err := json.Marshal(Status{})
	if err != nil {
		t.Fatal(err)
	}
	const want = `{"name":"","protocol":"","state":"","interface":"","gateway":"","addresses":[],"mtu":0,"transport":"","cipher":"",` +
		`"rx_bytes":0,"tx_bytes":0,"rx_packets":0,"tx_packets":0,"plugin_pid":0,"pid":0,"connected_at":null}`
	if string(text) != want {
		t.Errorf("got  %s\nwant %s", text, want)
	}
}

func TestActionsReachTheConnection(t *testing.T) {
	dir := folder(t)
	s, actions := serve(t, dir, "corp")
	if err := Do(t.Context(), dir, "corp", Reconnect); err != nil || <-actions != Reconnect {
		t.Fatalf("reconnect: %v", err)
	}
	done := make(chan error, 1)
	go func() { done <- Do(t.Context(), dir, "corp", Disconnect) }()
	if a := <-actions; a != Disconnect {
		t.Fatalf("got %s", a)
	}
	select {
	case err := <-done:
		t.Fatalf("disconnect returned before the connection ended: %v", err)
	default:
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if err := <-done; err != nil {
		t.Errorf("disconnect: %v", err)
	}
	if err := Do(t.Context(), dir, "corp", Disconnect); !errors.Is(err, ErrNotRunning) {
		t.Errorf("after the end: %v", err)
	}
	if left, _ := os.ReadDir(dir); len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
}

func TestDisconnectGivesUpWithItsContext(t *testing.T) {
	dir := folder(t)
	_, actions := serve(t, dir, "corp")
	ctx, cancel := context.WithCancel(t.Context())
	go func() {
		<-actions
		cancel()
	}()
	if err := Do(ctx, dir, "corp", Hangup); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
}

func TestANameIsTakenOnce(t *testing.T) {
	dir := folder(t)
	s, _ := serve(t, dir, "corp")
	_, err := Listen(t.Context(), dir, "corp", 0)
	if d := diag.Of(err); d == nil || d.Code != diag.Config || !strings.Contains(d.Summary, "corp is already running") {
		t.Fatalf("got %v", err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	again, err := Listen(t.Context(), dir, "corp", 0)
	if err != nil {
		t.Fatalf("after the end: %v", err)
	}
	if err := again.Close(); err != nil {
		t.Error(err)
	}
}

func TestAConnectionThatIsEndingIsWaitedFor(t *testing.T) {
	dir := folder(t)
	s, _ := serve(t, dir, "corp")
	ended, stop := context.WithCancel(t.Context())
	stop()
	if _, err := Listen(ended, dir, "corp", time.Hour); err == nil {
		t.Fatal("the name was taken twice")
	}
	got := make(chan error, 1)
	go func() {
		next, err := Listen(t.Context(), dir, "corp", time.Hour)
		got <- err
		if err == nil {
			next.Close()
		}
	}()
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if err := <-got; err != nil {
		t.Errorf("after the end: %v", err)
	}
}

func TestTheSocketOfADeadProcessIsReplaced(t *testing.T) {
	dir := folder(t)
	if err := os.Mkdir(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	l, err := net.ListenUnix("unix", &net.UnixAddr{Name: filepath.Join(dir, "corp.sock"), Net: "unix"})
	if err != nil {
		t.Fatal(err)
	}
	l.SetUnlinkOnClose(false)
	_ = l.Close()
	if err := os.WriteFile(filepath.Join(dir, "corp.lock"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if all, failed := List(t.Context(), []string{dir}); len(all)+len(failed) > 0 {
		t.Errorf("a dead connection is listed: %v %v", all, failed)
	}
	serve(t, dir, "corp")
	if _, err := Query(t.Context(), dir, "corp"); err != nil {
		t.Errorf("query: %v", err)
	}
}

func TestNamesAndFoldersAreChecked(t *testing.T) {
	for _, name := range []string{"", "..", ".hidden", "a/b", "a b", strings.Repeat("a", 65), "ä"} {
		if _, err := Listen(t.Context(), folder(t), name, 0); diag.Of(err) == nil || diag.Of(err).Code != diag.Config {
			t.Errorf("%q: %v", name, err)
		}
	}
	open := folder(t)
	if err := os.Mkdir(open, 0o777); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(open, 0o777); err != nil {
		t.Fatal(err)
	}
	if _, err := Listen(t.Context(), open, "corp", 0); err == nil || !strings.Contains(err.Error(), "not a safe place") {
		t.Errorf("a folder for everybody: %v", err)
	}
	link := folder(t)
	if err := os.Symlink(t.TempDir(), link); err != nil {
		t.Fatal(err)
	}
	if _, err := Listen(t.Context(), link, "corp", 0); err == nil {
		t.Error("a link is followed")
	}
}

func TestTheSocketIsNotForOthers(t *testing.T) {
	dir := folder(t)
	serve(t, dir, "corp")
	info, err := os.Stat(filepath.Join(dir, "corp.sock"))
	if err != nil || info.Mode().Perm() != 0o660 || info.Mode().Type() != fs.ModeSocket {
		t.Errorf("%v %v", info.Mode(), err)
	}
	if info, err := os.Stat(dir); err != nil || info.Mode().Perm() != 0o755 {
		t.Errorf("folder: %v %v", info.Mode(), err)
	}
}

func TestWrongRequestsAreRefused(t *testing.T) {
	dir := folder(t)
	serve(t, dir, "corp")
	for _, c := range []struct{ line, want string }{
		{`{"command":"explode"}`, `there is no command \"explode\"`},
		{`[]`, "no JSON object"},
		{`{"command":7}`, "no JSON object"},
		{strings.Repeat("x", maxRequest), ""}, // too long: hung up on
	} {
		conn, err := net.Dial("unix", filepath.Join(dir, "corp.sock"))
		if err != nil {
			t.Fatal(err)
		}
		_, _ = conn.Write([]byte(c.line + "\n"))
		got, _ := bufio.NewReader(conn).ReadString('\n')
		if !strings.Contains(got, c.want) || c.want == "" && got != "" {
			t.Errorf("%.40s: got %q", c.line, got)
		}
		_ = conn.Close()
	}
	if _, err := Query(t.Context(), dir, "corp"); err != nil {
		t.Errorf("the server does not go on: %v", err)
	}
}
