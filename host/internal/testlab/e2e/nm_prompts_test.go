package e2e

import (
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/penstock-vpn/penstock/host/internal/testlab"
	"github.com/penstock-vpn/penstock/sdk/plugintest/plainudp"
)

// quiz is the name of the plugin that asks everything, its protocol, and the
// connection to it.
const quiz = "quiz"

// quizAnswers are the right answers by the secrets that carry them.
var quizAnswers = map[string]string{
	"username": testlab.User, "password": testlab.Password, "group": "Employees", "otp": "123456", "secondary-password": "secret2",
	"new-password": "secret3", "again": "secret3", "confirm": "yes",
}

// buildQuiz makes the plugin and its manifest in a folder.
func buildQuiz(t *testing.T) string {
	t.Helper()
	program := filepath.Join(t.TempDir(), quiz)
	for _, args := range [][]string{
		{"build", "-o", program, "./host/internal/testlab/quiz"},
		{"run", "./host/internal/registry/manifest", "-o", program + ".toml", program},
	} {
		cmd := exec.Command("go", args...)
		cmd.Dir, cmd.Env = moduleRoot(t), append(os.Environ(), "CGO_ENABLED=0")
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("go %s: %v: %s", args[0], err, out)
		}
	}
	return filepath.Dir(program)
}

// quizSecrets are the secrets that answer each question.
var quizSecrets = map[string][]string{
	"form": {"username", "password"}, "retry": {"username", "password"}, "choice": {"group"}, "otp": {"otp"}, "second": {"password", "secondary-password"},
	"renew": {"new-password", "again"}, "confirm": {"confirm"}, "sso": {"sso"}, "cookies": {"sso"}, "scheme": {"sso"}, "page": {"sso"},
}

// takeQuiz is a desktop with the plugin, its gateway, and a connection that asks, none
// of whose answers are kept.
func takeQuiz(t *testing.T, plugin string, ask ...string) *desktop {
	t.Helper()
	t.Parallel()
	l := lab(t)
	must(t, os.CopyFS(l.Client.Path("/etc/penstock/plugins.d"), os.DirFS(plugin)))
	plainGateway(t, l, plainudp.Gateway{Receive: echo})
	d := theDesktop(t, l, testlab.NetworkManager{})
	data := []string{"protocol=quiz", "gateway=" + testlab.GatewayName, "tunnel=yes", "ask=" + strings.Join(ask, `\,`)}
	for _, question := range ask {
		for _, key := range quizSecrets[question] {
			data = append(data, key+"-flags=2")
		}
	}
	d.add(t, quiz, strings.Join(data, ", "), "")
	return d
}

// passed wants all answers to have been right, and a tunnel.
func (d *desktop) passed(t *testing.T, ask ...string) {
	t.Helper()
	if want := "quiz passed: " + strings.Join(ask, " "); !strings.Contains(d.log(), want) {
		t.Errorf("the log does not say %q", want)
	}
	reaches(t, d.Lab, testlab.InsideV4)
	for _, answer := range []string{testlab.Password, "secret2", "secret3", "marmalade", "biscuit", "cracker"} {
		if strings.Contains(d.log(), answer) {
			t.Errorf("the answer %s is in the log", answer)
		}
	}
	d.down(t, quiz)
	d.nothingLeft(t)
}

// Whatever a plugin may ask comes to the user through NetworkManager, and the answer
// back.
func TestNMPrompts(t *testing.T) {
	needPenstock(t)
	plugin := buildQuiz(t)
	for name, test := range map[string]func(t *testing.T, plugin string){
		"passwd-file": answersFromFile, "wrong": wrongAnswers, "terminal": answersTyped, "browser": answersInBrowser,
	} {
		t.Run(name, func(t *testing.T) { test(t, plugin) })
	}
}

func answersFromFile(t *testing.T, plugin string) {
	ask := []string{"form", "choice", "otp", "second", "retry", "renew", "confirm", "cookies", "wait"}
	d := takeQuiz(t, plugin, ask...)
	answers := maps.Clone(quizAnswers)
	answers["sso"] = "biscuit"
	d.up(t, quiz, "passwd-file", d.secretsFile(t, answers))
	d.passed(t, ask...)
}

func wrongAnswers(t *testing.T, plugin string) {
	d := takeQuiz(t, plugin, "form", "otp", "confirm")
	for _, c := range []struct{ key, answer, want string }{
		{"otp", "000000", "quiz failed: wrong otp; right form confirm"},
		{"confirm", "no", "the quiz was cancelled"},
	} {
		answers := maps.Clone(quizAnswers)
		answers[c.key] = c.answer
		out, err := d.nm.Nmcli("connection", "up", quiz, "passwd-file", d.secretsFile(t, answers))
		if err == nil || !strings.Contains(d.log(), c.want) {
			t.Errorf("with the %s %s: nmcli said %q, and the log does not say %q", c.key, c.answer, out, c.want)
		}
		d.nothingLeft(t)
	}
}

// answersTyped is `nmcli --ask` on a terminal: the auth dialog says what is asked, in
// words for people.
func answersTyped(t *testing.T, plugin string) {
	ask := []string{"form", "second", "retry", "choice", "otp", "renew", "confirm", "sso", "cookies", "scheme", "page", "wait"}
	d := takeQuiz(t, plugin, ask...)
	q := d.ask(t, quiz)
	for _, step := range [][2]string{
		{`Log in to the VPN quiz.*Password`, testlab.Password}, // these two are asked for before the login
		{`Second password`, "secret2"},
		{`Who are you.*Username`, testlab.User},
		{`The password was wrong.*Username`, testlab.User},
		{`Password`, testlab.Password},
		{`Which group.*staff - Employees.*Group`, "staff"},
		{`What does your token show.*Code`, "123456"},
		{`Your password has expired.*New password`, "secret3"},
		{`Once more`, "secret3"},
		{`This machine is watched.*I agree`, "yes"},
		{`https://login\.test/quiz.*the address that the browser ended at`, "http://localhost:29787/quiz/done?token=marmalade"},
		{`the value of session.*Value of the cookie session`, "biscuit"},
		{`https://login\.test/quiz.*begins with quizcallback: .*Address of the last link`, "quizcallback:cracker"},
		{`http://127\.0\.0\.1:\d+/\w+\s.*Address of the last link`, "quizcallback:cracker"},
	} {
		q.answer(step[0]+`.*\(vpn\.secrets\.[a-z-]+\): `, step[1])
	}
	said := q.ends(0)
	for _, answer := range []string{testlab.Password, "secret2", "secret3"} {
		if strings.Contains(said, answer) {
			t.Errorf("%s was shown on the terminal:\n%s", answer, said)
		}
	}
	d.passed(t, ask...)
}

// browser stands for a user's: at the page that it is given it logs in and is sent on
// to this machine.
const browser = `#!/bin/bash
echo "$1" >/run/browser/visited
exec 3<>/dev/tcp/127.0.0.1/29787
printf 'GET /quiz/done?token=marmalade HTTP/1.1\r\nHost: localhost:29787\r\nConnection: close\r\n\r\n' >&3
cat <&3 >/run/browser/page
`

// answersInBrowser is a user at a desktop, who is not root: the auth dialog opens the
// user's browser, and the service hears of its end.
func answersInBrowser(t *testing.T, plugin string) {
	d := takeQuiz(t, plugin, "sso")
	must(t, d.Client.WriteFile("/run/browser/xdg-open", browser, 0o755))
	must(t, os.Chmod(d.Client.Path("/run/browser"), 0o777))
	p, err := d.Client.StartTerminal(testlab.Command{
		Args: []string{"/usr/bin/setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", "/usr/bin/nmcli", "--ask", "connection", "up", quiz},
		Env:  []string{"DISPLAY=:77", "PATH=/run/browser:/usr/bin:/bin"},
	})
	must(t, err)
	q := &dialogue{t, p, 0}
	q.answer(`the browser that is being opened.*\(vpn\.secrets\.sso\): `, "done")
	q.ends(0)
	visited, err := d.Client.ReadFile("/run/browser/visited")
	if err != nil || strings.TrimSpace(visited) != "https://login.test/quiz" {
		t.Errorf("the browser visited %q, %v", visited, err)
	}
	if page, err := d.Client.ReadFile("/run/browser/page"); err != nil || !strings.Contains(page, "You can close this window") {
		t.Errorf("the browser shows %q, %v", page, err)
	}
	must(t, os.RemoveAll(d.Client.Path("/run/browser")))
	d.passed(t, "sso")
}
