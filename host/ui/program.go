package ui

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/penstock-vpn/penstock/sdk/diag"
	"github.com/penstock-vpn/penstock/sdk/option"
	"github.com/penstock-vpn/penstock/sdk/prompt"
)

const (
	programPatience = 2 * time.Minute
	maxPatience     = 10 * time.Minute
	maxOutput       = 64 << 10 // bytes of standard output that the plugin gets
	maxProgramArgs  = 64
	programLinger   = 2 * time.Second
)

// Programs runs the programs that options name when a plugin asks for one: as the
// person at the machine, with an environment of their own, for a bounded time.
type Programs struct {
	next    Prompter
	options option.Values
	user    string
}

// NewPrograms looks for the programs in a profile's options and runs them as user.
// "" is the person at the machine: who became root by sudo or pkexec, or else root.
// Where somebody else may have named the program, the caller must name a user.
func NewPrograms(options option.Values, user string, next Prompter) *Programs {
	return &Programs{next: next, options: options, user: user}
}

// Ask serves a Program.
func (p *Programs) Ask(ctx context.Context, q prompt.Prompt) (prompt.Answer, error) {
	if q.Program == nil {
		return p.next.Ask(ctx, q)
	}
	path := p.options[q.Program.Option]
	if path == "" {
		return prompt.Answer{Cancelled: true}, nil
	}
	answer, err := p.run(ctx, path, q.Program)
	if err != nil {
		d := diag.New(diag.Config, "the program "+path+" could not be run", err.Error())
		return prompt.Answer{}, d.With(q.Program.Option)
	}
	return answer, nil
}

func (p *Programs) run(ctx context.Context, path string, q *prompt.Program) (prompt.Answer, error) {
	who, ok := person()
	switch {
	case p.user != "":
		named, err := lookupUser(p.user)
		if err != nil {
			return prompt.Answer{}, err
		}
		who = named
	case !ok:
		who = desktop{env: rootEnv()}
	}
	return runProgram(ctx, path, who, q)
}

// rootEnv is the environment for root who is nobody's deputy.
func rootEnv() []string {
	return []string{"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "HOME=/root", "USER=root", "LOGNAME=root", "LANG=" + os.Getenv("LANG")}
}

func runProgram(ctx context.Context, path string, who desktop, p *prompt.Program) (prompt.Answer, error) {
	added, err := checkProgram(p)
	if err != nil {
		return prompt.Answer{}, err
	}
	patience := programPatience
	if p.Timeout > 0 {
		patience = min(p.Timeout, maxPatience)
	}
	ctx, cancel := context.WithTimeoutCause(ctx, patience, fmt.Errorf("it took longer than %s and was killed", patience))
	defer cancel()
	out := &bounded{left: maxOutput}
	cmd := exec.CommandContext(ctx, path, p.Args...)
	cmd.Env, cmd.Dir, cmd.Stdout = append(who.env, added...), "/", out
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: who.credential, Setpgid: true}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
	cmd.WaitDelay = programLinger
	err = cmd.Run()
	var exit *exec.ExitError
	switch {
	case ctx.Err() != nil:
		return prompt.Answer{}, context.Cause(ctx)
	case err != nil && !errors.As(err, &exit) && !errors.Is(err, exec.ErrWaitDelay):
		return prompt.Answer{}, err
	}
	return prompt.Answer{Values: map[string]string{
		"exit_status": strconv.Itoa(cmd.ProcessState.ExitCode()),
		"stdout":      strings.ToValidUTF8(string(out.data), "?"),
	}}, nil
}

// checkProgram bounds what a plugin adds, and returns the environment it adds. What
// changes how a program is loaded is refused: the words come from a gateway.
func checkProgram(p *prompt.Program) ([]string, error) {
	if len(p.Args) > maxProgramArgs || len(p.Env) > maxProgramArgs {
		return nil, fmt.Errorf("the plugin wants more than %d arguments or variables", maxProgramArgs)
	}
	for _, arg := range p.Args {
		if len(arg) > maxText || strings.ContainsRune(arg, 0) {
			return nil, errors.New("an argument is too long or has a zero byte")
		}
	}
	var env []string
	for _, e := range p.Env {
		name, value := e[0], e[1]
		if !variable(name) || len(value) > maxText || strings.ContainsRune(value, 0) {
			return nil, fmt.Errorf("the variable %.64q is not allowed", name)
		}
		env = append(env, name+"="+value)
	}
	return env, nil
}

// variable allows names like CSD_TOKEN: capitals with an underscore in them, none
// of the loader's or the shell's.
func variable(name string) bool {
	if len(name) == 0 || len(name) > 64 || !strings.Contains(name, "_") || strings.HasPrefix(name, "LD_") || strings.HasPrefix(name, "BASH_") {
		return false
	}
	return strings.Trim(name, "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_") == "" && (name[0] < '0' || name[0] > '9')
}

// bounded keeps the first bytes and drops the rest.
type bounded struct {
	data []byte
	left int
}

func (b *bounded) Write(p []byte) (int, error) {
	n := min(len(p), b.left)
	b.data = append(b.data, p[:n]...)
	b.left -= n
	return len(p), nil
}
