// Package gpgate is a GlobalProtect portal and gateway, in one as it often is, for
// tests and for measuring. It can be told to be any portal or gateway: what it asks
// for, what it hands out, and how it breaks the protocol. What clients do is written
// down for tests to read.
//
//	client                                    portal
//	  │─── POST /global-protect/prelogin.esp ──▶│  labels, or where to go for SAML
//	  │─── POST /global-protect/getconfig.esp ─▶│  challenges; gateways, cookies
//	  │                                       gateway
//	  │─── POST /ssl-vpn/prelogin.esp ─────────▶│
//	  │─── POST /ssl-vpn/login.esp ────────────▶│  challenges; the authcookie: a session
//	  │─── POST /ssl-vpn/getconfig.esp ────────▶│  addresses, keys of ESP
//	  │─── POST /ssl-vpn/hipreportcheck.esp ───▶│  then perhaps hipreport.esp
//	  │═══ ESP in UDP, port 4501 ═══════════════│  a ping that only the gateway answers
//	  │─── GET /ssl-tunnel-connect.sslvpn ─────▶│  or this: the keys of ESP are dead then
//	  │─── POST /ssl-vpn/logout.esp ───────────▶│
//
// The files follow the conversation: config.go what there is to choose, gate.go
// connections and which request is whose, login.go and its challenge.go and saml.go,
// portal.go, session.go, network.go, esp.go with roamer.go and probe.go, stream.go, hip.go;
// page.go writes what they say. For tests:
// seen.go what happened, control.go what to change meanwhile, browser.go a sign-in,
// hostile.go gateways that break the protocol.
package gpgate

import (
	"path/filepath"

	"github.com/penstock-vpn/penstock/host/internal/testlab"
	"github.com/penstock-vpn/penstock/host/internal/testlab/endpoint"
)

const port = 443

// ESPPort is where ESP in UDP goes unless a Config says otherwise.
const ESPPort = 4501

var program = endpoint.Program[Config]{Name: "penstock-gpgate", Serve: serve}

// Init turns the process into the gateway when it was started as one, and then never
// returns. Programs that call Start call it after testlab.Init.
func Init() { program.Init() }

// Gate is a gateway that was started.
type Gate struct {
	*testlab.Process
	config Config
}

// Start starts the gateway on the lab's gateway machine and waits until it listens.
func Start(l *testlab.Lab, c Config) (*Gate, error) {
	c = c.withDefaults()
	c.Files = files{l.PKI.Cert("server"), l.PKI.Key("server"), l.PKI.Cert("ca"), filepath.Join(l.Gateway.Dir, "gpgate.sock")}
	p, err := program.Start(l.Gateway, c, port)
	return &Gate{p, c}, err
}
