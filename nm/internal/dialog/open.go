package dialog

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"time"
)

// openPatience is how long a program that opens a page may take to fail; one that goes
// on longer has become the browser.
const openPatience = 3 * time.Second

var errNoDesktop = errors.New("there is no graphical session")

// graphical says whether windows can be shown. Root's are not: what a page can make of
// a browser it would make of the machine.
func graphical() bool {
	return os.Geteuid() != 0 && (os.Getenv("DISPLAY") != "" || os.Getenv("WAYLAND_DISPLAY") != "")
}

// openPage shows a page in the user's browser, by the first program that can.
func openPage(ctx context.Context, page string) error {
	if !graphical() {
		return errNoDesktop
	}
	var err error
	for _, program := range openers() {
		if err = open(ctx, append(program, page)); err == nil {
			return nil
		}
	}
	return err
}

// openers are programs that may be able to.
func openers() [][]string {
	programs := [][]string{{"xdg-open"}, {"sensible-browser"}, {"gio", "open"}}
	for name := range strings.SplitSeq(os.Getenv("BROWSER"), ":") {
		if name != "" && !strings.ContainsAny(name, " %") { // a command line is xdg-open's business
			programs = append(programs, []string{name})
		}
	}
	return programs
}

// open leaves the program running, with none of our descriptors: an agent waits for
// their end.
func open(ctx context.Context, argv []string) error {
	cmd := exec.Command(argv[0], argv[1:]...)
	cmd.Dir = "/"
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	if err := cmd.Start(); err != nil {
		return err
	}
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	select {
	case err := <-ended:
		return err
	case <-time.After(openPatience):
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
