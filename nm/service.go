package nm

import (
	"context"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/godbus/dbus/v5"

	"github.com/penstock-vpn/penstock/host"
	"github.com/penstock-vpn/penstock/host/netcfg"
	"github.com/penstock-vpn/penstock/host/ui"
	"github.com/penstock-vpn/penstock/sdk/diag"
	"github.com/penstock-vpn/penstock/sdk/option"
)

// idleLimit ends a service that nobody makes connect: a person at a dialog has less.
const idleLimit = 10 * time.Minute

// patience is for the service that had the connection before: NetworkManager does not
// wait for its end.
const patience = 10 * time.Second

// Options are what a service needs.
type Options struct {
	BusName string
	Log     *slog.Logger
	// Hold is host.Run.
	Hold func(context.Context, host.Profile, ui.Prompter, netcfg.Applier, host.Settings) error
	// Warm is host.WarmFor.
	Warm func(protocol string)
	// Schema is every option of a protocol, host.Schema without named folders.
	Schema func(protocol string) (option.Schema, error)
}

// Serve takes the bus name and serves one connection to its end. It returns when
// that is over, when NetworkManager has gone or never called, or when ctx ends.
func Serve(ctx context.Context, o Options) error {
	s := &service{Options: o, state: Init, over: make(chan struct{})}
	conn, err := dbus.ConnectSystemBus(dbus.WithHandler(newObject(s.methods(), s.now)))
	if err != nil {
		return diag.New(diag.Unspecified, "the system bus cannot be reached: "+err.Error(), "This command is started by NetworkManager; is dbus-daemon running?")
	}
	defer conn.Close() //nolint:errcheck // the name goes with the process
	s.emit = func(signal string, values ...any) {
		if err := conn.Emit(pluginPath, pluginInterface+"."+signal, values...); err != nil {
			s.Log.Warn("a signal to NetworkManager was lost", "signal", signal, "error", err)
		}
	}
	gone, err := watch(conn)
	if err != nil {
		return err
	}
	if err := own(conn, o.BusName); err != nil {
		return err
	}
	idle := time.AfterFunc(idleLimit, s.quitIfIdle)
	defer idle.Stop()
	select {
	case <-s.over:
		return nil
	case <-gone:
		s.Log.Warn("NetworkManager has gone: the connection ends")
	case <-conn.Context().Done():
		s.Log.Warn("the system bus has gone: the connection ends")
	case <-ctx.Done():
	}
	s.disconnect()
	<-s.over
	return nil
}

// own takes the bus name, or fails.
func own(conn *dbus.Conn, name string) error {
	got, err := conn.RequestName(name, dbus.NameFlagDoNotQueue)
	if err == nil && got != dbus.RequestNameReplyPrimaryOwner {
		err = fmt.Errorf("it has an owner already")
	}
	if err != nil {
		return diag.New(diag.Unspecified, "the bus name "+name+" cannot be had: "+err.Error(),
			"Root may own it when "+ServiceName+" is allowed in a policy file of D-Bus: `make install` places one.")
	}
	return nil
}

// watch returns a channel that is closed when NetworkManager leaves the bus.
func watch(conn *dbus.Conn) (<-chan struct{}, error) {
	err := conn.AddMatchSignal(dbus.WithMatchInterface("org.freedesktop.DBus"), dbus.WithMatchMember("NameOwnerChanged"), dbus.WithMatchArg(0, networkManager))
	if err != nil {
		return nil, fmt.Errorf("watch NetworkManager's bus name: %w", err)
	}
	signals, gone := make(chan *dbus.Signal, 16), make(chan struct{})
	conn.Signal(signals)
	go func() {
		for s := range signals {
			if len(s.Body) == 3 && s.Body[0] == networkManager && s.Body[2] == "" {
				close(gone)
				return
			}
		}
	}()
	return gone, nil
}

// service is the one connection of this process.
type service struct {
	Options
	emit func(signal string, values ...any)
	over chan struct{} // closed when the connection has ended and all is told

	mu       sync.Mutex
	state    State
	asked    bool // NetworkManager asked for the end
	cancel   context.CancelFunc
	prompter *prompter // nil: agents are not asked in mid-login
}

func (s *service) now() State {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.state
}

// enter changes the state and says so; what ended stays so.
func (s *service) enter(state State) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.state == state || s.state == Stopped {
		return
	}
	s.state = state
	s.emit("StateChanged", uint32(state))
}

// begin prepares a connection; the function that it returns starts it.
func (s *service) begin(r request, interactive bool) (start func(), failed *dbus.Error) {
	profile, err := r.profile(s.Schema)
	if err != nil {
		err = r.explained(err, s.Schema)
		s.Log.Error(diag.Of(err).Error(), "connection", r.id)
		return nil, refusal(err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if name := busy[s.state]; name != "" {
		return nil, newError(name, "this service has its connection already")
	}
	s.state = Starting
	ctx, cancel := context.WithCancel(context.Background())
	s.cancel = cancel
	log := s.Log.With("connection", r.id)
	for _, note := range r.adopted.Notes {
		log.Warn("not taken over: " + note)
	}
	var asker ui.Prompter = nobody{}
	if interactive {
		s.prompter = newPrompter(&r, s.emit, log)
		asker = s.prompter
	}
	return func() {
		s.emit("StateChanged", uint32(Starting))
		go s.hold(ctx, r, profile, asker, log)
	}, nil
}

// busy are the states in which nothing can begin.
var busy = map[State]string{Starting: startingInProgress, Started: alreadyStarted, Stopping: stoppingInProgress, Stopped: wrongState}

// hold runs the connection to its end and tells NetworkManager how it ended.
func (s *service) hold(ctx context.Context, r request, profile host.Profile, asker ui.Prompter, log *slog.Logger) {
	done, err := r.readFiles(&profile)
	if err != nil {
		s.ended(err, log)
		return
	}
	defer done()
	stored := ui.NewStored(profile.Options, profile.Secrets, ui.NewPrograms(profile.Options, r.asUser(), asker))
	settings := host.Settings{Logger: log, Patience: patience, OnState: onConnected(func(st host.Status) {
		log.Info("connected", "device", st.Interface, "transport", st.Transport, "gateway", st.Gateway)
		stored.Accepted()
	})}
	a := &applier{emit: s.emit, log: log, never4: r.never4, never6: r.never6, started: func() { s.enter(Started) }}
	s.ended(r.explained(s.Hold(ctx, profile, stored, a, settings), s.Schema), log)
}

// onConnected calls f each time the connection comes up, for the first time or again.
func onConnected(f func(host.Status)) func(host.Status) {
	was := ""
	return func(st host.Status) {
		if st.State == host.StateConnected && was != st.State {
			f(st)
		}
		was = st.State
	}
}

func (s *service) ended(err error, log *slog.Logger) {
	s.mu.Lock()
	asked := s.asked
	s.mu.Unlock()
	if err != nil && !asked {
		d := diag.Of(err)
		log.Error(d.Error())
		s.emit("Failure", uint32(failureOf(d)))
	}
	s.enter(Stopping)
	s.enter(Stopped)
	close(s.over)
}

// disconnect ends whatever there is.
func (s *service) disconnect() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.asked = true
	switch s.state {
	case Init:
		s.state = Stopped
		close(s.over)
	case Starting, Started:
		s.state = Stopping
		s.emit("StateChanged", uint32(Stopping))
		s.cancel()
	}
}

func (s *service) quitIfIdle() {
	if s.now() == Init {
		s.Log.Warn("NetworkManager asked for nothing: the service ends")
		s.disconnect()
	}
}
