package e2e

import (
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/godbus/dbus/v5"
	"golang.org/x/sys/unix"

	"github.com/penstock-vpn/penstock/host/internal/testlab"
)

// placed is all that `make install` places, with its modes.
var placed = []string{
	"-rw-r--r-- usr/lib/NetworkManager/VPN/nm-penstock-service.name",
	"-rw-r--r-- usr/lib/penstock/plugins.d/anyconnect.toml",
	"-rw-r--r-- usr/lib/penstock/plugins.d/ciscoipsec.toml",
	"-rw-r--r-- usr/lib/penstock/plugins.d/globalprotect.toml",
	"-rw-r--r-- usr/lib/penstock/plugins.d/ikev2.toml",
	"-rw-r--r-- usr/lib/penstock/plugins.d/l2tp.toml",
	"-rw-r--r-- usr/lib/penstock/plugins.d/pptp.toml",
	"-rw-r--r-- usr/lib/penstock/plugins.d/sstp.toml",
	"-rw-r--r-- usr/lib/x86_64-linux-gnu/NetworkManager/libnm-gtk3-vpn-plugin-penstock-editor.so",
	"-rw-r--r-- usr/lib/x86_64-linux-gnu/NetworkManager/libnm-gtk4-vpn-plugin-penstock-editor.so",
	"-rw-r--r-- usr/lib/x86_64-linux-gnu/NetworkManager/libnm-vpn-plugin-penstock.so",
	"-rw-r--r-- usr/share/applications/penstock-callback.desktop",
	"-rw-r--r-- usr/share/dbus-1/system.d/nm-penstock-service.conf",
	"-rwxr-xr-x usr/bin/penstock",
	"-rwxr-xr-x usr/lib/penstock/plugins.d/anyconnect",
	"-rwxr-xr-x usr/lib/penstock/plugins.d/ciscoipsec",
	"-rwxr-xr-x usr/lib/penstock/plugins.d/globalprotect",
	"-rwxr-xr-x usr/lib/penstock/plugins.d/ikev2",
	"-rwxr-xr-x usr/lib/penstock/plugins.d/l2tp",
	"-rwxr-xr-x usr/lib/penstock/plugins.d/pptp",
	"-rwxr-xr-x usr/lib/penstock/plugins.d/sstp",
	"-rwxr-xr-x usr/libexec/penstock-auth-dialog",
	"Lrwxrwxrwx usr/libexec/nm-penstock-service",
}

func TestInstall(t *testing.T) {
	needPenstock(t)
	t.Parallel()
	stage := t.TempDir()
	must(t, testlab.Install(stage))
	if got := tree(t, stage); !slices.Equal(got, placed) {
		t.Errorf("installed:\n%s\nwant:\n%s", strings.Join(got, "\n"), strings.Join(placed, "\n"))
	}
	t.Run("names what is there", func(t *testing.T) { namesWhatIsThere(t, stage) })
	t.Run("works in place", func(t *testing.T) { worksInPlace(t, stage) })
	t.Run("again, and away", func(t *testing.T) {
		must(t, testlab.Install(stage))
		stranger := filepath.Join(stage, "usr/lib/penstock/plugins.d/stranger.toml")
		must(t, os.WriteFile(stranger, nil, 0o644))
		makes(t, "uninstall", "DESTDIR="+stage)
		if got := tree(t, stage); len(got) != 1 || !strings.HasSuffix(got[0], "stranger.toml") {
			t.Errorf("after uninstall there are %q", got)
		}
		must(t, os.Remove(stranger))
		makes(t, "uninstall", "DESTDIR="+stage)
		if _, err := os.Stat(filepath.Join(stage, "usr/lib/penstock")); err == nil {
			t.Error("a folder of our own is left")
		}
	})
}

// tree lists what is no folder, modes first.
func tree(t *testing.T, dir string) (all []string) {
	t.Helper()
	must(t, filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		if d.IsDir() {
			if info.Mode().Perm() != 0o755 {
				t.Errorf("%s has the mode %s", path, info.Mode())
			}
			return nil
		}
		all = append(all, info.Mode().String()+" "+strings.TrimPrefix(path, dir+"/"))
		return nil
	}))
	slices.Sort(all)
	return all
}

func makes(t *testing.T, args ...string) {
	t.Helper()
	cmd := exec.Command("make", args...)
	cmd.Dir = moduleRoot(t)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("make %s: %v: %s", strings.Join(args, " "), err, out)
	}
}

// namesWhatIsThere looks for the programs that NetworkManager and its agents start.
func namesWhatIsThere(t *testing.T, stage string) {
	text, err := os.ReadFile(filepath.Join(stage, "usr/lib/NetworkManager/VPN/nm-penstock-service.name"))
	must(t, err)
	paths := regexp.MustCompile(`(?m)^(program|auth-dialog)=(/.*)$`).FindAllSubmatch(text, -1)
	if len(paths) != 2 {
		t.Fatalf("two programs are expected in\n%s", text)
	}
	text, err = os.ReadFile(filepath.Join(stage, "usr/share/applications/penstock-callback.desktop"))
	must(t, err)
	opens := regexp.MustCompile(`(?m)^(Exec)=(/\S+) callback %u$`).FindSubmatch(text)
	if opens == nil {
		t.Fatalf("nothing opens addresses in\n%s", text)
	}
	for _, p := range append(paths, opens) {
		if info, err := os.Stat(filepath.Join(stage, string(p[2]))); err != nil || info.Mode().Perm() != 0o755 {
			t.Errorf("%s: %v", p[0], err)
		}
	}
}

// worksInPlace lays the staged tree over a machine's /usr.
func worksInPlace(t *testing.T, stage string) {
	l := lab(t)
	must(t, l.Client.Do(func() error {
		return unix.Mount("overlay", "/usr", "overlay", unix.MS_RDONLY, "lowerdir="+filepath.Join(stage, "usr")+":/usr")
	}))
	for _, args := range [][]string{{"plugin", "list"}, {"plugin", "verify"}} {
		out, err := l.Client.Run(append([]string{"/usr/bin/penstock"}, args...)...)
		if err != nil || !strings.Contains(out, "anyconnect") {
			t.Errorf("penstock %s: %v: %s", strings.Join(args, " "), err, out)
		}
	}
}

// Nobody but root takes a name of ours on the system bus, or speaks with who has it.
func TestBusPolicy(t *testing.T) {
	needPenstock(t)
	t.Parallel()
	stage := t.TempDir()
	must(t, testlab.Install(stage))
	l := lab(t)
	_, err := l.StartNetworkManager(testlab.NetworkManager{Usr: stage})
	must(t, err)
	const name = "org.freedesktop.NetworkManager.penstock.Connection_"
	bus, err := dbus.Connect("unix:path=" + l.Client.Path("/run/dbus/system_bus_socket"))
	must(t, err)
	t.Cleanup(func() { bus.Close() })
	reply, err := bus.RequestName(name+"1", dbus.NameFlagDoNotQueue)
	if err != nil || reply != dbus.RequestNameReplyPrimaryOwner {
		t.Fatalf("root gets no name: %v, %v", reply, err)
	}
	send := []string{"dbus-send", "--system", "--print-reply"}
	for what, args := range map[string][]string{
		"own":  {"--dest=org.freedesktop.DBus", "/org/freedesktop/DBus", "org.freedesktop.DBus.RequestName", "string:" + name + "2", "uint32:4"},
		"call": {"--dest=" + name + "1", "/org/freedesktop/NetworkManager/VPN/Plugin", "org.freedesktop.NetworkManager.VPN.Plugin.Disconnect"},
		"look": {"--dest=" + name + "1", "/", "org.freedesktop.DBus.Introspectable.Introspect"},
	} {
		p, err := l.Client.Start(testlab.Command{Args: slices.Concat([]string{"setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"}, send, args)})
		must(t, err)
		code, err := p.Wait(10 * time.Second)
		must(t, err)
		if code == 0 || !strings.Contains(p.Stderr(), "AccessDenied") {
			t.Errorf("nobody may %s: %d: %s", what, code, p.Output())
		}
	}
	if out, err := l.Client.Run(append(send, "--dest=org.freedesktop.DBus", "/org/freedesktop/DBus",
		"org.freedesktop.DBus.RequestName", "string:"+name+"2", "uint32:4")...); err != nil {
		t.Errorf("root may not own a second name: %v: %s", err, out)
	}
}

// Root that installs what a user has built builds nothing: that would take root's
// own caches, and leave files that are the user's no more.
func TestInstallBuildsOnlyWhatIsOld(t *testing.T) {
	needPenstock(t)
	t.Parallel()
	dir := t.TempDir()
	script, err := os.ReadFile(filepath.Join(moduleRoot(t), "packaging/install.sh"))
	must(t, err)
	run := func(args ...string) (string, error) {
		out, err := exec.Command(filepath.Join(dir, "packaging/install.sh"), args...).CombinedOutput()
		return string(out), err
	}
	begin := time.Now().Add(-time.Hour)
	write := func(name, text string, minute int) {
		path := filepath.Join(dir, name)
		must(t, os.MkdirAll(filepath.Dir(path), 0o755))
		must(t, os.WriteFile(path, []byte(text), 0o755))
		must(t, os.Chtimes(path, time.Time{}, begin.Add(time.Duration(minute)*time.Minute)))
	}
	write("packaging/install.sh", string(script), 0)
	for _, source := range []string{"go.mod", "host/a.go", "nm/a.go", "plugins/one/main.go", "sdk/a.go", "vpnc-script/script"} {
		write(source, "source", 0)
	}
	for _, built := range []string{"bin/penstock", "bin/penstock-auth-dialog", "bin/plugins/one", "bin/plugins/one.toml",
		"packaging/nm-penstock-service.name", "packaging/nm-penstock-service.conf", "packaging/penstock-callback.desktop"} {
		write(built, "built", 1)
	}
	fresh := func(plugins ...string) bool {
		_, err := run(append([]string{"fresh"}, plugins...)...)
		return err == nil
	}
	write("host/a_test.go", "test", 2)
	if !fresh("one") {
		t.Error("nothing has changed")
	}
	if fresh("one", "two") {
		t.Error("a plugin is missing")
	}
	write("vpnc-script/script", "source", 2)
	if fresh("one") {
		t.Error("the script is newer")
	}
	if out, err := run("install", "two"); err == nil || !strings.Contains(out, "bin/plugins/two is missing: run `make` first") {
		t.Errorf("install of what is not built: %v: %s", err, out)
	}
}
