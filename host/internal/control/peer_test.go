package control

import (
	"errors"
	"os"
	"path/filepath"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/penstock-vpn/penstock/host/internal/peercred/peercredtest"
)

// A stranger gets no answer, even where the socket's permissions let him in.
func TestStrangersGetNoAnswer(t *testing.T) {
	dir, err := os.MkdirTemp("", "penstock-control-")
	if err != nil {
		t.Fatal(err)
	}
	defer os.RemoveAll(dir)
	run := filepath.Join(dir, "run")
	serve(t, run, "corp")
	socket := filepath.Join(run, "corp.sock")
	if err := errors.Join(os.Chmod(dir, 0o755), os.Chmod(socket, 0o666)); err != nil {
		t.Fatal(err)
	}
	const stranger = 4242
	if os.Geteuid() == 0 {
		err := peercredtest.AsUser(t, stranger, func() error {
			fd, err := unix.Socket(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
			if err != nil {
				return err
			}
			defer unix.Close(fd)
			if err := unix.Connect(fd, &unix.SockaddrUnix{Name: socket}); err != nil {
				return err
			}
			_, _ = unix.Write(fd, []byte("{\"command\":\"status\"}\n"))
			answer := make([]byte, 100)
			if n, _ := unix.Read(fd, answer); n > 0 {
				t.Errorf("a stranger is told %q", answer[:n])
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	if _, err := Query(t.Context(), run, "corp"); err != nil {
		t.Errorf("the owner: %v", err)
	}
}
