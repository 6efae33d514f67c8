package nm

import (
	"bufio"
	"context"
	"io"
	"log/slog"
	"os/exec"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/godbus/dbus/v5"

	"github.com/penstock-vpn/penstock/host"
	"github.com/penstock-vpn/penstock/host/netcfg"
	"github.com/penstock-vpn/penstock/host/ui"
)

const busName = ServiceName + ".Connection_1"

// startBus starts a bus daemon for the test and points this process to it.
func startBus(t *testing.T) {
	t.Helper()
	config, address := filepath.Join(t.TempDir(), "bus.conf"), "unix:path="+filepath.Join(t.TempDir(), "bus")
	writeFile(t, config, `<busconfig><type>system</type><auth>EXTERNAL</auth><listen>`+address+`</listen>
		<policy context="default"><allow user="*"/><allow own="*"/><allow send_type="method_call"/><allow send_type="signal"/>
		<allow send_requested_reply="true" send_type="method_return"/><allow send_requested_reply="true" send_type="error"/>
		<allow receive_type="method_call"/><allow receive_type="method_return"/><allow receive_type="error"/><allow receive_type="signal"/></policy></busconfig>`)
	cmd := exec.Command("dbus-daemon", "--config-file="+config, "--nofork", "--nopidfile", "--print-address")
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		cmd.Process.Kill() //nolint:errcheck // its end is waited for
		cmd.Wait()         //nolint:errcheck // killed
	})
	if _, err := bufio.NewReader(out).ReadString('\n'); err != nil {
		t.Fatalf("dbus-daemon did not start: %v", err)
	}
	t.Setenv("DBUS_SYSTEM_BUS_ADDRESS", address)
}

// hold stands for host.Run.
type hold func(ctx context.Context, p host.Profile, asker ui.Prompter, a netcfg.Applier, s host.Settings) error

// fake is NetworkManager as the service sees it.
type fake struct {
	t       *testing.T
	conn    *dbus.Conn
	service dbus.BusObject
	signals chan *dbus.Signal
	served  chan error // what Serve returned
	log     *strings.Builder
}

// serve starts the service on a bus of its own, with a NetworkManager there.
func serve(t *testing.T, h hold) *fake {
	t.Helper()
	startBus(t)
	f := &fake{t: t, signals: make(chan *dbus.Signal, 64), served: make(chan error, 1), log: &strings.Builder{}}
	var err error
	if f.conn, err = dbus.ConnectSystemBus(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.conn.Close() })
	if _, err := f.conn.RequestName(networkManager, 0); err != nil {
		t.Fatal(err)
	}
	must(t, f.conn.AddMatchSignal(dbus.WithMatchInterface(pluginInterface)))
	must(t, f.conn.AddMatchSignal(dbus.WithMatchMember("NameOwnerChanged"), dbus.WithMatchArg(0, busName)))
	f.conn.Signal(f.signals)
	ctx, cancel := context.WithCancel(context.Background())
	go func() {
		f.served <- Serve(ctx, Options{BusName: busName, Log: slog.New(slog.NewTextHandler(f.log, nil)), Hold: h, Warm: func(string) {}, Schema: testSchema})
	}()
	t.Cleanup(cancel)
	f.service = f.conn.Object(busName, pluginPath)
	f.want("NameOwnerChanged")
	return f
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// call calls a method of the plugin's interface.
func (f *fake) call(method string, args ...any) *dbus.Call {
	return f.service.Call(pluginInterface+"."+method, 0, args...)
}

// works calls a method that returns nothing.
func (f *fake) works(method string, args ...any) {
	f.t.Helper()
	if c := f.call(method, args...); c.Err != nil {
		f.t.Fatalf("%s: %v", method, c.Err)
	}
}

// refuses wants an error of that name from a method.
func (f *fake) refuses(name, method string, args ...any) {
	f.t.Helper()
	err, _ := f.call(method, args...).Err.(dbus.Error)
	if err.Name != errorPrefix+name {
		f.t.Errorf("%s gave %v, want %s", method, err, name)
	}
}

// want waits for the next signal, which must be this one.
func (f *fake) want(name string, body ...any) *dbus.Signal {
	f.t.Helper()
	select {
	case s := <-f.signals:
		if got := s.Name[strings.LastIndex(s.Name, ".")+1:]; got != name {
			f.t.Fatalf("the signal is %s %v, want %s", got, s.Body, name)
		}
		if body != nil && !reflect.DeepEqual(s.Body, body) {
			f.t.Fatalf("%s has %v, want %v", name, s.Body, body)
		}
		return s
	case <-time.After(10 * time.Second):
		f.t.Fatalf("no signal, want %s", name)
		return nil
	}
}

func (f *fake) wantState(s State) { f.t.Helper(); f.want("StateChanged", uint32(s)) }

// wantEnd waits for the end of the service: the name goes, Serve returns.
func (f *fake) wantEnd() {
	f.t.Helper()
	if s := f.want("NameOwnerChanged"); s.Body[2] != "" {
		f.t.Errorf("the bus name has a new owner: %v", s.Body)
	}
	select {
	case err := <-f.served:
		must(f.t, err)
	case <-time.After(10 * time.Second):
		f.t.Fatal("the service did not end")
	}
}

func TestIntrospection(t *testing.T) {
	f := serve(t, nil)
	var xml string
	must(t, f.service.Call(introspectable+".Introspect", 0).Store(&xml))
	for _, want := range []string{`<method name="ConnectInteractive">`, `<arg type="a{sa{sv}}" direction="in">`, `<signal name="SecretsRequired">`, `<property name="State" type="u" access="read">`} {
		if !strings.Contains(xml, want) {
			t.Errorf("%s is not in\n%s", want, xml)
		}
	}
	v, err := f.service.GetProperty(pluginInterface + ".State")
	if err != nil || v.Value() != uint32(Init) {
		t.Errorf("State is %v, %v", v, err)
	}
	var all dictionary
	if err := f.service.Call(properties+".GetAll", 0, pluginInterface).Store(&all); err != nil || len(all) != 1 {
		t.Errorf("GetAll gave %v, %v", all, err)
	}
	for _, c := range []*dbus.Call{
		f.call("Dance"), f.call("NeedSecrets", "no connection"), f.call("Connect"), f.call("Disconnect", "now"),
		f.service.Call(properties+".Get", 0, pluginInterface, "Mood"), f.service.Call(properties+".Set", 0, pluginInterface, "State", dbus.MakeVariant("x")),
		f.service.Call("org.example.Other.Do", 0), f.conn.Object(busName, "/other").Call(pluginInterface+".Disconnect", 0),
	} {
		if _, ok := c.Err.(dbus.Error); !ok {
			t.Errorf("%s %v gave %v", c.Method, c.Args, c.Err)
		}
	}
	f.works("Disconnect")
	f.wantEnd()
}

func TestNameTaken(t *testing.T) {
	startBus(t)
	conn, err := dbus.ConnectSystemBus()
	must(t, err)
	defer conn.Close()
	_, err = conn.RequestName(busName, 0)
	must(t, err)
	if err := Serve(t.Context(), Options{BusName: busName, Log: slog.New(slog.NewTextHandler(io.Discard, nil))}); err == nil || !strings.Contains(err.Error(), busName) {
		t.Errorf("got %v", err)
	}
}
