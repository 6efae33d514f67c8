package e2e

import (
	"fmt"
	"net"
	"strings"
	"testing"

	"github.com/godbus/dbus/v5"

	"github.com/penstock-vpn/penstock/host/internal/testlab"
	"github.com/penstock-vpn/penstock/host/internal/testlab/endpoint"
)

const (
	nmName      = "org.freedesktop.NetworkManager"
	nmPath      = "/org/freedesktop/NetworkManager"
	secretAgent = nmName + ".SecretAgent"

	agentPort = 4711 // it listens there once NetworkManager knows it
)

// agent answers NetworkManager as a desktop's does that runs our dialog: a question by
// the keys that are asked for, and what it has to give without one.
type agent struct{ Unasked, Answers map[string]string }

// agentProgram is an agent on a machine; what it is asked for is on its output.
var agentProgram = endpoint.Program[agent]{Name: "penstock-agent", Serve: agent.serve}

func (a agent) serve() error {
	bus, err := dbus.ConnectSystemBus()
	if err != nil {
		return err
	}
	if err := bus.Export(a, nmPath+"/SecretAgent", secretAgent); err != nil {
		return err
	}
	const vpnHints = uint32(1)
	if err := bus.Object(nmName, nmPath+"/AgentManager").Call(nmName+".AgentManager.RegisterWithCapabilities", 0, "org.example.desktop", vpnHints).Err; err != nil {
		return err
	}
	ready, err := net.Listen("tcp", fmt.Sprintf(":%d", agentPort))
	if err != nil {
		return err
	}
	_, err = ready.Accept()
	return err
}

// GetSecrets is NetworkManager's.
func (a agent) GetSecrets(_ map[string]map[string]dbus.Variant, _ dbus.ObjectPath, _ string, hints []string, _ uint32) (map[string]map[string]dbus.Variant, *dbus.Error) {
	given := a.Unasked
	if len(hints) > 0 {
		given = map[string]string{}
		for _, key := range hints {
			if answer, ok := a.Answers[key]; ok {
				given[key] = answer
				fmt.Println("asked for", key)
			}
		}
	}
	return map[string]map[string]dbus.Variant{"vpn": {"secrets": dbus.MakeVariant(given)}}, nil
}

// CancelGetSecrets is NetworkManager's.
func (agent) CancelGetSecrets(dbus.ObjectPath, string) *dbus.Error { return nil }

// A desktop's dialog leaves the login to penstock: its questions have keys under which
// NetworkManager keeps a user name where the other plugin does, and no password at all.
func TestNMTakeoverOnADesktop(t *testing.T) {
	d := forTakeover(t)
	ocserv(t, d.Lab, testlab.Ocserv{})
	d.heard(t, theirFile, func() { d.takeover(t, "openconnect penstock", "enable", "openconnect") })
	d.addOpenConnect(t)
	asker, err := agentProgram.Start(d.Client, agent{map[string]string{"gateway": testlab.GatewayName},
		map[string]string{"form:main:username": testlab.User, "cookie": testlab.Password}}, agentPort)
	must(t, err)
	_, path, _ := strings.Cut(d.nmcli(t, "-t", "-f", "NAME,DBUS-PATH", "connection", "show"), corp+":")
	path, _, _ = strings.Cut(path, "\n")
	_, err = d.Client.Run("/usr/bin/dbus-send", "--system", "--print-reply", "--dest="+nmName, nmPath, nmName+".ActivateConnection", "objpath:"+path, "objpath:/", "objpath:/")
	must(t, err)
	d.awaitState(t, corp, "activated")
	d.served(t, corp, oursServes)
	if text := d.keyfile(t); !strings.Contains(text, "form:main:username="+testlab.User) || strings.Contains(text, testlab.Password) || strings.Contains(text, "\ncookie=") {
		t.Errorf("NetworkManager keeps\n%s", text)
	}
	for _, key := range []string{"form:main:username", "cookie"} {
		if !strings.Contains(asker.Stdout(), "asked for "+key) {
			t.Errorf("%s was not asked for: %s", key, asker.Stdout())
		}
	}
}
