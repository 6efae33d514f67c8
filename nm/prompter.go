package nm

import (
	"context"
	"log/slog"
	"slices"
	"strings"
	"sync"

	"github.com/penstock-vpn/penstock/host"
	"github.com/penstock-vpn/penstock/host/ui"
	"github.com/penstock-vpn/penstock/nm/internal/ask"
	"github.com/penstock-vpn/penstock/sdk/diag"
	"github.com/penstock-vpn/penstock/sdk/prompt"
	"github.com/penstock-vpn/penstock/sdk/secret"
)

// prompter asks through NetworkManager: SecretsRequired has it call an agent, and
// NewSecrets brings what the agent answered.
type prompter struct {
	request *request
	emit    func(signal string, values ...any)
	log     *slog.Logger

	asking  sync.Mutex // one question at a time
	answers chan map[string]secret.String
}

func newPrompter(r *request, emit func(string, ...any), log *slog.Logger) *prompter {
	return &prompter{request: r, emit: emit, log: log, answers: make(chan map[string]secret.String, 1)}
}

// Ask implements ui.Prompter. A Wait is only logged: NetworkManager shows no text
// without a question.
func (p *prompter) Ask(ctx context.Context, q prompt.Prompt) (prompt.Answer, error) {
	p.asking.Lock()
	defer p.asking.Unlock()
	switch {
	case q.Wait != nil:
		p.log.Info(ui.Line(q.Title + " " + q.Text))
		<-ctx.Done()
		return prompt.Answer{}, ctx.Err()
	case q.Form != nil && len(q.Form.Fields) == 0:
		return prompt.Answer{Values: map[string]string{}}, nil // only something to read
	case q.Sso != nil && q.Sso.Loopback != nil:
		return ui.AwaitBrowser(ctx, *q.Sso, p.gateway(), func(ctx context.Context) (string, error) {
			answer, err := p.through(ctx, q)
			return answer.Values["request_uri"], err
		})
	case q.Sso != nil && q.Sso.HTML != "":
		return p.page(ctx, q)
	}
	return p.through(ctx, q)
}

// page shows a page that has no address.
func (p *prompter) page(ctx context.Context, q prompt.Prompt) (prompt.Answer, error) {
	address, end, err := ui.ServePage(q.Sso.HTML)
	if err != nil {
		return prompt.Answer{}, err
	}
	defer end()
	q.Sso = &prompt.Sso{URL: address, Scheme: q.Sso.Scheme}
	return p.through(ctx, q)
}

// through sends one question and waits for its answer.
func (p *prompter) through(ctx context.Context, q prompt.Prompt) (prompt.Answer, error) {
	question, err := ask.Of(q)
	if err != nil {
		return prompt.Answer{}, diag.New(diag.Protocol, "the gateway asks something that NetworkManager cannot", err.Error())
	}
	p.request.adopted.Rename(&question)
	hints, err := question.Hints()
	if err != nil {
		return prompt.Answer{}, diag.New(diag.Protocol, "the gateway asks too much at once", err.Error())
	}
	select {
	case <-p.answers: // to a question that was taken back
	default:
	}
	p.note(q, question)
	p.emit("SecretsRequired", question.Message(), hints)
	select {
	case secrets := <-p.answers:
		return p.answer(q, question, secrets)
	case <-ctx.Done():
		return prompt.Answer{}, ctx.Err()
	}
}

// note puts what is asked in the log: when nobody answers, NetworkManager says no more
// than that.
func (p *prompter) note(q prompt.Prompt, question ask.Question) {
	level := slog.LevelInfo
	if q.Error != "" || q.Confirm != nil {
		level = slog.LevelWarn
	}
	p.log.Log(context.Background(), level, ui.Line(question.Message()), "asks for", strings.Join(question.Keys(), ", "))
}

// deliver is called by NewSecrets; an answer that nobody waits for is dropped.
func (p *prompter) deliver(secrets map[string]secret.String) {
	select {
	case p.answers <- secrets:
	default:
	}
}

func (p *prompter) answer(q prompt.Prompt, question ask.Question, secrets map[string]secret.String) (prompt.Answer, error) {
	asked, err := ask.Of(q)
	if err != nil {
		return prompt.Answer{}, err
	}
	got := map[string]string{} // by our keys; the question has those of the agents
	theirs := question.Keys()
	for i, key := range asked.Keys() {
		if answer, ok := secrets[theirs[i]]; ok {
			got[key] = answer.Reveal()
		}
	}
	dropped := slices.DeleteFunc(asked.Missing(got), func(key string) bool {
		_, known := ask.FlagsOf(p.request.data, key)
		return known // then the answer was an empty one
	})
	if len(dropped) > 0 {
		return prompt.Answer{}, diag.New(diag.AuthRefused, "no answer came back for "+strings.Join(dropped, ", "),
			"NetworkManager keeps an answer only when the connection says how: "+p.request.modify(dropped[0]+ask.FlagsSuffix, "2"))
	}
	return ask.Answer(q, got), nil
}

func quote(id string) string { return "'" + strings.ReplaceAll(ui.Line(id), "'", "") + "'" }

func (p *prompter) gateway() string {
	if u, err := host.GatewayURL(p.request.data["gateway"]); err == nil {
		return u.Hostname()
	}
	return ""
}

// nobody is the Prompter of a plain Connect: no agent can be asked any more.
type nobody struct{ ui.Nobody }

// Ask refuses with words that fit NetworkManager.
func (n nobody) Ask(ctx context.Context, q prompt.Prompt) (prompt.Answer, error) {
	answer, err := n.Nobody.Ask(ctx, q)
	if d := diag.Of(err); d != nil && d.Code == diag.AuthRefused {
		err = diag.New(d.Code, d.Summary, "store the answer with the connection (vpn.secrets), or use an agent that answers in mid-login: "+
			"`nmcli --ask connection up`, or a desktop")
	}
	return answer, err
}
