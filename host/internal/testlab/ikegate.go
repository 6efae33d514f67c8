package testlab

import (
	"net/netip"
	"strconv"
	"strings"
)

// Ikegate says how the gateway of AnyConnect over IKEv2 is to be; it is a program of the
// plugins' own, since no free one is known.
type Ikegate struct {
	Cert     string   // of the PKI: server (default), server-ec
	Groups   []string // to choose from
	NoForm   bool     // no user name and password is asked for
	Code     string   // asked for after the password
	Clients  bool     // certificates are asked for
	Scan     bool     // it wants the host checked
	Pieces   bool     // it cuts long messages in IKEv1's manner
	ClientID bool     // it signs over the clients' identity
	Refusal  string   // what it says in the end
}

// RunningIkegate is a running gateway.
type RunningIkegate struct{ *Process }

// ikegateClient is the address that the client gets.
const ikegateClient = "10.88.0.2"

// StartIkegate builds the gateway, starts it and waits until it listens.
func (l *Lab) StartIkegate(c Ikegate) (*RunningIkegate, error) {
	p, err := l.startGate(l.Gateway.Start, "ikegate", "./plugins/internal/ikegate/serve", c.args(l), netip.MustParsePrefix(l.Site().PoolV4).Addr().Next().String())
	if err != nil {
		return nil, err
	}
	return &RunningIkegate{p}, nil
}

func (c Ikegate) args(l *Lab) []string {
	if c.Cert == "" {
		c.Cert = "server"
	}
	values := map[string]string{
		"name": GatewayName, "cert": l.PKI.Cert(c.Cert), "key": l.PKI.Key(c.Cert), "code": c.Code, "refusal": c.Refusal,
		"groups": strings.Join(c.Groups, ","), "address": ikegateClient, "routes": InsideV4 + "/32", "banner": "Authorised only", "domain": "corp.test",
	}
	if !c.NoForm {
		values["user"], values["password"] = User, Password
	}
	if c.Clients {
		values["clients"] = l.PKI.Cert("ca")
	}
	var args []string
	for name, value := range values {
		args = append(args, "-"+name+"="+value)
	}
	for name, set := range map[string]bool{"scan": c.Scan, "pieces": c.Pieces, "client-id": c.ClientID} {
		args = append(args, "-"+name+"="+strconv.FormatBool(set))
	}
	return args
}
