package dialog

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/penstock-vpn/penstock/host/ui"
	"github.com/penstock-vpn/penstock/nm/internal/ask"
)

const maxAnswer = 64 << 10 // bytes

// toolkit makes the command line of a window that asks for one entry. Secrets are
// typed into it and never begin it: others can read a command line. What it prints is
// the answer, the number of a choice, or for a yes or no nothing.
type toolkit func(title, text string, e entry) []string

// findToolkit takes zenity or kdialog, whichever exists.
func findToolkit() (toolkit, error) {
	if os.Getenv("DISPLAY") == "" && os.Getenv("WAYLAND_DISPLAY") == "" {
		return nil, errors.New("a question needs an answer, and there is no graphical session: use `nmcli --ask connection up`")
	}
	if _, err := exec.LookPath("zenity"); err == nil {
		return zenity, nil
	}
	if _, err := exec.LookPath("kdialog"); err == nil {
		return kdialog, nil
	}
	return nil, errors.New("a question needs an answer, and no program can show it: install zenity or kdialog")
}

// What zenity makes of a text differs: sequences of a backslash and mnemonics in an
// entry, markup in a list.
var (
	entryText = strings.NewReplacer(`\`, `\\`, "_", "__")
	listText  = strings.NewReplacer(`\`, `\\`, "&", "&amp;", "<", "&lt;", ">", "&gt;")
)

func zenity(title, text string, e entry) []string {
	argv := []string{"zenity", "--title=" + title}
	switch {
	case e.confirm != "":
		return append(argv, "--question", "--no-markup", "--text="+text, "--ok-label="+entryText.Replace(e.confirm))
	case len(e.Choices) > 0:
		argv = append(argv, "--list", "--radiolist", "--hide-header", "--text="+listText.Replace(text),
			"--column=", "--column=", "--column=", "--hide-column=2", "--print-column=2")
		for i, c := range choices(e) {
			argv = append(argv, strings.ToUpper(strconv.FormatBool(i == 0)), c.number, c.label)
		}
		return argv
	case e.Secret:
		return append(argv, "--entry", "--hide-text", "--text="+entryText.Replace(text))
	}
	return append(argv, "--entry", "--text="+entryText.Replace(text), "--entry-text="+e.value)
}

// kdialog takes a text with tags in it for markup.
func kdialog(title, text string, e entry) []string {
	argv := []string{"kdialog", "--title", title}
	text = strings.NewReplacer("<", "‹", ">", "›").Replace(text)
	switch {
	case e.confirm != "":
		return append(argv, "--yes-label", e.confirm, "--yesno", text)
	case len(e.Choices) > 0:
		argv = append(argv, "--menu", text)
		for _, c := range choices(e) {
			argv = append(argv, c.number, c.label)
		}
		return argv
	case e.Secret:
		return append(argv, "--password", text)
	}
	return append(argv, "--inputbox", text, "--", e.value)
}

type numbered struct{ number, label string }

// choices are those of e by number, the default first. Their labels are the gateway's:
// a space keeps one from being an option.
func choices(e entry) []numbered {
	var all []numbered
	for i, c := range e.Choices {
		label := ui.Line(c.Label)
		if label == "" {
			label = ui.Line(c.Value)
		}
		n := numbered{strconv.Itoa(i), " " + label}
		if c.Value == e.Default {
			all = append([]numbered{n}, all...)
		} else {
			all = append(all, n)
		}
	}
	return all
}

// show returns the answer; a window that is closed or cancelled is an error.
func show(ctx context.Context, t toolkit, s sheet, e entry) (string, error) {
	text := s.text
	if e.confirm == "" { // else the buttons say it
		text += "\n\n" + e.label() + ":"
	}
	argv := t(s.title, text, e)
	cmd := exec.CommandContext(ctx, argv[0], argv[1:]...)
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
	cmd.WaitDelay = time.Second
	out, err := cmd.StdoutPipe()
	if err != nil {
		return "", err
	}
	if err := cmd.Start(); err != nil {
		return "", err
	}
	data, err := io.ReadAll(io.LimitReader(out, maxAnswer))
	ended := cmd.Wait()
	switch {
	case ctx.Err() != nil:
		return "", context.Cause(ctx)
	case err != nil:
		return "", err
	case ended != nil:
		return "", fmt.Errorf("the question was cancelled (%s: %w)", argv[0], ended)
	}
	return answer(e, strings.TrimSuffix(string(data), "\n"))
}

func answer(e entry, printed string) (string, error) {
	switch {
	case e.confirm != "":
		return ask.Yes, nil
	case len(e.Choices) == 0:
		return printed, nil
	}
	n, err := strconv.Atoi(strings.TrimSpace(printed))
	if err != nil || n < 0 || n >= len(e.Choices) {
		return "", errors.New("nothing was chosen")
	}
	return e.Choices[n].Value, nil
}
