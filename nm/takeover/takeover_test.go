package takeover

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

const (
	ownText = "[VPN Connection]\nname=penstock\nservice=org.freedesktop.NetworkManager.penstock\nprogram=/usr/libexec/nm-penstock-service\n\n[GNOME]\nauth-dialog=/usr/libexec/penstock-auth-dialog\n"
	oneText = "# a comment\n[VPN Connection]\nname=openconnect\nservice=org.freedesktop.NetworkManager.openconnect\nprogram=/usr/lib/nm-openconnect-service\n\n[libnm]\nplugin=libnm-vpn-plugin-openconnect.so\n\n[GNOME]\nproperties=libnm-openconnect-properties\n"
)

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func write(t *testing.T, folder, name, text string) string {
	t.Helper()
	path := filepath.Join(folder, name)
	must(t, os.WriteFile(path, []byte(text), 0o644))
	return path
}

// folders have penstock installed, and NetworkManager-openconnect.
func folders(t *testing.T) (f Folders, incumbent string) {
	t.Helper()
	f = Folders{Lib: t.TempDir(), Etc: t.TempDir()}
	write(t, f.Lib, ownFile, ownText)
	return f, write(t, f.Lib, "nm-openconnect-service.name", oneText)
}

func (f Folders) service(t *testing.T, name string) Service {
	t.Helper()
	list, err := f.List()
	must(t, err)
	for _, s := range list {
		if s.Name == name {
			return s
		}
	}
	t.Fatalf("%s is not in %v", name, list)
	return Service{}
}

// names are all files in a folder, hidden ones too.
func names(t *testing.T, folder string) string {
	t.Helper()
	entries, err := os.ReadDir(folder)
	must(t, err)
	var all []string
	for _, e := range entries {
		all = append(all, e.Name())
	}
	return strings.Join(all, " ")
}

func TestEnableAndDisable(t *testing.T) {
	f, incumbent := folders(t)
	before := names(t, f.Lib)
	if s := f.service(t, "openconnect"); s.Ours() || s.By != incumbent {
		t.Errorf("at first %+v", s)
	}
	for range 2 { // also when it is there
		must(t, f.Enable("openconnect"))
	}
	if s := f.service(t, "openconnect"); !s.Ours() || len(s.Others) != 1 || s.Others[0] != incumbent {
		t.Errorf("enabled: %+v", s)
	}
	text, err := os.ReadFile(f.path("openconnect"))
	must(t, err)
	for _, want := range []string{"\nname=openconnect\n", "\nservice=org.freedesktop.NetworkManager.openconnect\n", "\nprogram=/usr/libexec/nm-penstock-service\n",
		"\nplugin=libnm-vpn-plugin-openconnect.so\n", "\nauth-dialog=/usr/libexec/penstock-auth-dialog\n"} {
		if !strings.Contains(string(text), want) {
			t.Errorf("%q is not in %s", want, text)
		}
	}
	later := time.Now().Add(time.Hour) // an upgrade of the other plugin
	must(t, os.Chtimes(incumbent, later, later))
	if s := f.service(t, "openconnect"); !s.Ours() {
		t.Errorf("after an upgrade: %+v", s)
	}
	must(t, f.Disable("openconnect"))
	if s := f.service(t, "openconnect"); s.Ours() || s.By != incumbent || names(t, f.Lib) != before {
		t.Errorf("disabled: %+v, %s", s, names(t, f.Lib))
	}
	if text, err := os.ReadFile(incumbent); err != nil || string(text) != oneText {
		t.Errorf("the other plugin's file is %q, %v", text, err)
	}
}

// Without the other plugin its connections have nobody else.
func TestNoOtherPlugin(t *testing.T) {
	f, _ := folders(t)
	if s := f.service(t, "vpnc"); s.By != "" || s.Ours() || s.Others != nil {
		t.Errorf("at first %+v", s)
	}
	must(t, f.Enable("vpnc"))
	if s := f.service(t, "vpnc"); !s.Ours() {
		t.Errorf("enabled: %+v", s)
	}
	must(t, f.Disable("vpnc"))
	must(t, f.Disable("vpnc")) // there is nothing to do
}

// A plugin that is in the administrator's folder, or has the service as an alias, comes
// after ours, too.
func TestOtherPlaces(t *testing.T) {
	f, _ := folders(t)
	old := write(t, f.Etc, "nm-vpnc-service.name", strings.ReplaceAll(oneText, "openconnect", "vpnc"))
	alias := write(t, f.Lib, "nm-swan.name", "[VPN Connection]\nname=swan\nservice=org.example.swan\naliases=org.example.x;org.freedesktop.NetworkManager.strongswan;\n")
	for name, other := range map[string]string{"vpnc": old, "strongswan": alias} {
		if s := f.service(t, name); s.By != other {
			t.Errorf("%s: at first %+v", name, s)
		}
		must(t, f.Enable(name))
		if s := f.service(t, name); !s.Ours() {
			t.Errorf("%s: enabled: %+v", name, s)
		}
	}
}

// What was cut short is put back by the next command.
func TestCutShort(t *testing.T) {
	f, incumbent := folders(t)
	must(t, os.Rename(incumbent, awayPath(incumbent)))
	must(t, f.Disable("vpnc"))
	if s := f.service(t, "openconnect"); s.By != incumbent {
		t.Errorf("%+v, %s", s, names(t, f.Lib))
	}
	must(t, os.WriteFile(awayPath(incumbent), []byte("old"), 0o644)) // the package came with a new one meanwhile
	must(t, f.Disable("vpnc"))
	if text, err := os.ReadFile(incumbent); err != nil || string(text) != oneText || strings.Contains(names(t, f.Lib), aside) {
		t.Errorf("%q, %v, %s", text, err, names(t, f.Lib))
	}
}

func TestRefused(t *testing.T) {
	f, _ := folders(t)
	if err := f.Enable("openvpn"); err == nil || !strings.Contains(err.Error(), "It is one of l2tp, openconnect") {
		t.Errorf("an unknown service: %v", err)
	}
	must(t, os.Remove(filepath.Join(f.Lib, ownFile)))
	if err := f.Enable("vpnc"); err == nil || !strings.Contains(err.Error(), "install network-manager-penstock") {
		t.Errorf("without penstock: %v", err)
	}
	if s := f.service(t, "vpnc"); s.Ours() {
		t.Errorf("%+v", s)
	}
}

// Files that are none are left alone.
func TestStrangeFiles(t *testing.T) {
	f, incumbent := folders(t)
	write(t, f.Lib, "empty.name", "")
	write(t, f.Lib, "noise.name", strings.Repeat("x", maxFile+1))
	write(t, f.Lib, ".hidden.name", oneText)
	must(t, os.Mkdir(filepath.Join(f.Lib, "folder.name"), 0o755))
	if s := f.service(t, "openconnect"); s.By != incumbent || len(s.Others) != 1 {
		t.Errorf("%+v", s)
	}
}
