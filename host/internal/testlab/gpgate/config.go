package gpgate

import (
	"time"

	"github.com/penstock-vpn/penstock/host/internal/testlab"
	"github.com/penstock-vpn/penstock/host/internal/testlab/endpoint"
)

// Config says how portal and gateway are to be. The zero Config is a plain one: alice
// and her password at both, both families inside, ESP with AES-128-CBC and SHA-1.
type Config struct {
	Portal, Gateway Role

	// What the portal hands out.
	Offers      []Offer // gateways; this one when empty
	Region      string  // where the client is, for priorities
	Version     string  // of the client, as the portal wants it
	HIPInterval int     // seconds between reports
	// CookieName is "portal-userauthcookie" or "portal-prelogonuserauthcookie": the
	// portal gives one that the gateway takes in place of a password.
	CookieName   string
	CookieHostID bool // to those alone who say a host-id

	// What the gateway's login answers.
	Arguments    int    // how many there are; 0: 21
	PasswordDays int    // until the password expires; 0: not said
	PersistentID string // 40 digits when empty
	PortalName   string // "Gateway-N" when empty
	Domain       string // as it is sent: "%28empty_domain%29" when empty
	PreferredIP  string // "" : the address; "-": none
	NoRestore    bool   // getconfig is answered once a session

	Network Network
	ESP     ESP
	Stream  Stream
	HIP     HIP

	// Answers are given in place of the honest ones, by path.
	Answers map[string]Answer
	// Edits change honest answers.
	Edits []Edit

	Files files // filled in
}

type files struct{ Cert, Key, CA, Control string }

// Role is how the portal or the gateway wants to be logged in to.
type Role struct {
	Absent     bool              // there is none at this address
	Users      map[string]string // passwords by names; alice alone when empty
	Message    string            // of the form
	UserLabel  string
	PassLabel  string
	Challenges []Challenge // after the password, in order
	SAML       SAML
	// Certificate is "": none; "asked": whoever has one need not have a password;
	// "needed": beside the password.
	Certificate string
}

// Challenge is a further question.
type Challenge struct {
	Style   string // "js", "html" or "xml"; js when empty
	Message string
	Code    string // the right answer
}

// SAML sends the user to another site, which knows the Users.
type SAML struct {
	Method string // "REDIRECT" or "POST"; "": no SAML
	// Ends is how the other site's last page tells the outcome: "headers" (and comments,
	// as most do; when empty), "comments", "callback" (a globalprotectcallback: address
	// with comments inside) or "cas" (one with a token).
	Ends   string
	Cookie string // "prelogin-cookie" when empty, or "portal-userauthcookie"
}

// Offer is a gateway in the portal's list.
type Offer struct {
	Address, Label string
	Priorities     map[string]int // by region; "Any"
}

// Network is what getconfig says of the inside.
type Network struct {
	NoTunnel          bool // need-tunnel no
	NoIPv4, NoIPv6    bool
	InsidePing        bool   // gw-address is one inside, not the gateway's own
	Netmask           string // 255.255.255.255 when empty
	DNS, DNS6, WINS   []string
	Suffixes          []string
	Routes, Routes6   []string // the inside when nil
	Exclude, Exclude6 []string
	MTU               int // as sent: 0 means that the client is to compute it
	Lifetime          int // seconds, 86400; the session ends then
	Timeout, Idle     int // seconds, 10800
	TunnelURL         string
	Extra             string // XML at the end of the answer
}

// ESP is how the gateway does ESP.
type ESP struct {
	Off        bool   // no keys
	Encryption string // "aes-128-cbc" when empty, or "aes-256-cbc", "aes-128-gcm", "aes-256-gcm"
	Hash       string // "sha1" when empty, or "md5", "sha256"
	Port       int    // 4501
	Closed     bool   // nobody listens there
	Deaf       bool   // probes are not answered
	// BesideStream lets ESP and the TLS tunnel live side by side; others lose the keys
	// of ESP when the TLS tunnel comes up.
	BesideStream bool
}

// Stream is how the gateway does the TLS tunnel.
type Stream struct {
	Off     bool   // refused
	Start   string // in place of START_TUNNEL
	Raw     []byte // sent after that, and packets are swallowed
	Ask     int    // seconds between the gateway's own keepalives; 0: it asks nothing
	Deaf    bool   // keepalives are not answered
	Silence int    // seconds without anything from the client after which it is left, 120
	Single  bool   // records leave one by one
}

// HIP is whether the gateway wants to know about the host.
type HIP struct {
	Wanted  bool
	Enforce bool // no packets before a report, probes aside
	Refuse  bool // reports are not taken
}

// Answer replaces an honest one.
type Answer struct {
	Status  int    // 200 when 0
	Reason  string // of the status line
	Headers []string
	Body    string
	Fill    string // repeated Times after the body, then Tail
	Times   int
	Tail    string
	Raw     bool          // Body and the rest is all there is, without HTTP around
	Close   bool          // and the connection ends
	Slow    time.Duration // between the bytes of Body
	Once    bool          // the next requests are answered honestly
}

// Edit replaces what a regular expression finds in the answers of a path.
type Edit struct{ Path, Find, With string }

// forever is long beside any test, in seconds.
const forever = 86400

func (c Config) withDefaults() Config {
	for _, r := range []*Role{&c.Portal, &c.Gateway} {
		if r.Users == nil {
			r.Users = map[string]string{testlab.User: testlab.Password}
		}
		text(&r.Message, "Enter login credentials")
		text(&r.UserLabel, "Username")
		text(&r.PassLabel, "Password")
		text(&r.SAML.Cookie, "prelogin-cookie")
		text(&r.SAML.Ends, "headers")
	}
	if c.Offers == nil {
		c.Offers = []Offer{{Address: testlab.GatewayName, Label: "The lab's"}}
	}
	text(&c.Region, "DE")
	text(&c.Version, "6.1.4-5")
	number(&c.HIPInterval, 3600)
	number(&c.Arguments, 21)
	text(&c.PersistentID, "7004ddf21b45c7a96f96f1103f4744414848c264")
	text(&c.PortalName, "Gateway-N")
	text(&c.Domain, "%28empty_domain%29")
	c.Network = c.Network.withDefaults()
	text(&c.ESP.Encryption, "aes-128-cbc")
	text(&c.ESP.Hash, "sha1")
	number(&c.ESP.Port, ESPPort)
	text(&c.Stream.Start, startTunnel)
	number(&c.Stream.Silence, 120)
	return c
}

func (n Network) withDefaults() Network {
	text(&n.Netmask, "255.255.255.255")
	for list, value := range map[*[]string]string{
		&n.Routes: testlab.InsideV4 + "/32", &n.Routes6: testlab.InsideV6 + "/64",
		&n.DNS: endpoint.OwnV4, &n.Suffixes: "corp.test",
	} {
		if *list == nil {
			*list = []string{value}
		}
	}
	number(&n.Lifetime, forever)
	number(&n.Timeout, 10800)
	number(&n.Idle, 10800)
	text(&n.TunnelURL, tunnelPath)
	return n
}

func text(field *string, value string) {
	if *field == "" {
		*field = value
	}
}

func number(field *int, value int) {
	if *field == 0 {
		*field = value
	}
}
