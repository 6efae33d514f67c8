package e2e

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/penstock-vpn/penstock/host/internal/testlab"
)

const nobody = 65534

// held waits until all of a program is a user's.
func held(t *testing.T, c *testlab.Connection, uid int) {
	t.Helper()
	must(t, testlab.Await(within(t, 10*time.Second), "root to be given up", func() bool {
		status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", c.Pid()))
		return err == nil && strings.Contains(string(status), fmt.Sprintf("\nUid:\t%[1]d\t%[1]d\t%[1]d\t%[1]d\n", uid))
	}))
}

// everybodys is a folder for files of everybody's, as /tmp is one.
func everybodys(t *testing.T, l *testlab.Lab) string {
	t.Helper()
	dir := filepath.Join(l.Dir, "tmp")
	must(t, os.Mkdir(dir, 0o777))
	must(t, os.Chmod(dir, 0o777))
	return "TMPDIR=" + dir
}

// With a TUN device, too, root's rights are given up; the script keeps them. Here it has
// them to the end, so that it can undo what it did.
func TestOpenconnectCLISetuid(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, b cliBinary) {
		t.Parallel()
		l := lab(t) // of its own: OpenConnect's script cannot tidy up
		ocserv(t, l, testlab.Ocserv{})
		to := kept(t, l, "ran", "")
		must(t, os.Chmod(to, 0o666))
		script := executable(t, l, "script", fmt.Sprintf("#!/bin/sh\necho \"$reason $(id -u) $TUNDEV $INTERNAL_IP4_ADDRESS $VPNGATEWAY\" >>%s\nexec /usr/share/vpnc-scripts/vpnc-script\n", to))
		b.env = []string{everybodys(t, l)}
		c := b.start(t, l, []string{testlab.Password}, cliAlice(l, "--setuid=nobody", "--interface=own0", "--mtu=1300", "--script", script, "vpn.test")...)
		must(t, c.Expect(within(t, 20*time.Second), regexp.MustCompile(`Configured as .*, with SSL`)))
		held(t, c, nobody)
		reaches(t, l, testlab.InsideV4)
		upThen(t, c, syscall.SIGUSR2, syscall.SIGINT)
		ran, err := os.ReadFile(to)
		must(t, err)
		// OpenConnect does not wait for its script of a reconnection, which may speak last.
		want := `^pre-init 0 .*\nconnect 0 own0 10\.88\.\S+ 10\.77\.0\.1\n(?s:.*)disconnect ` + map[string]string{"openconnect": "65534", "penstock": "0"}[b.name] + ` own0 10\.88\.\S+ 10\.77\.0\.1\n`
		if !regexp.MustCompile(want).Match(ran) {
			t.Errorf("the script ran as\n%s", ran)
		}
	})
}

// However the connection ends, root's process undoes what the script did, and is gone.
func TestOpenconnectCLISetuidLeavesNothing(t *testing.T) {
	needPenstock(t)
	t.Parallel()
	l := lab(t)
	server := ocserv(t, l, testlab.Ocserv{Full: true})
	mine := cliBinary{"penstock", ours().argv, []string{everybodys(t, l)}}
	for _, signal := range []syscall.Signal{syscall.SIGTERM, syscall.SIGKILL} {
		before := snapshot(t, l)
		c := mine.start(t, l, []string{testlab.Password}, cliAlice(l, "-U", "nobody", "vpn.test")...)
		must(t, c.Expect(within(t, 20*time.Second), regexp.MustCompile(`Configured as .*, with SSL`)))
		held(t, c, nobody)
		helpers := slices.DeleteFunc(l.Client.Programs(), func(p testlab.Program) bool { return p.Command != "penstock-as-root" || p.Uid != "0" })
		if len(helpers) != 1 {
			t.Fatalf("processes of root's: %v", helpers)
		}
		must(t, l.Client.Kill("TERM", helpers[0].Pid)) // it does not end before the connection
		reaches(t, l, testlab.InsideV4, testlab.InsideV6, testlab.Beyond)
		_, err := c.Stop(signal, 10*time.Second)
		must(t, err)
		var left []string
		if testlab.Await(within(t, 10*time.Second), "root's process to end", func() bool {
			left = before.Diff(snapshot(t, l))
			return len(left) == 0
		}) != nil {
			t.Errorf("after %v there is\n%s", signal, strings.Join(left, "\n"))
		}
		if signal == syscall.SIGTERM {
			loggedOut(t, server)
		}
	}
}
