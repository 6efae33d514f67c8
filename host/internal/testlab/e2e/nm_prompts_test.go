package e2e

import (
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
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

// takeQuiz is a desktop with the plugin, its gateway, and a connection that asks, none
// of whose answers are kept.
func takeQuiz(t *testing.T, plugin string, ask ...string) *desktop {
	t.Helper()
	t.Parallel()
	l := lab(t)
	must(t, os.CopyFS(l.Client.Path("/etc/penstock/plugins.d"), os.DirFS(plugin)))
	plainGateway(t, l, plainudp.Gateway{Receive: echo})
	d := theDesktop(t, l, testlab.NetworkManager{})
	data := []string{"protocol=quiz", "gateway=" + testlab.GatewayName, "tunnel=yes", "ask=" + strings.Join(ask, `\,`), "sso-flags=2"}
	for _, key := range slices.Sorted(maps.Keys(quizAnswers)) {
		data = append(data, key+"-flags=2")
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
	for _, answer := range []string{testlab.Password, "secret2", "secret3", "marmalade", "biscuit"} {
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
		"passwd-file": answersFromFile, "wrong": wrongAnswers,
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
	d := takeQuiz(t, plugin, "form", "otp", "renew")
	answers := maps.Clone(quizAnswers)
	answers["otp"] = "000000"
	out, err := d.nm.Nmcli("connection", "up", quiz, "passwd-file", d.secretsFile(t, answers))
	if err == nil || !strings.Contains(d.log(), "quiz failed: wrong otp; right form renew") {
		t.Errorf("nmcli said %q, %v", out, err)
	}
	d.nothingLeft(t)
}
