package foreign

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// strategy is what Windows tries, by VpnStrategy: the first one is taken.
var strategies = map[string]struct {
	protocol string
	more     bool // it tries others after it
}{
	"": {"ikev2", true}, "0": {"ikev2", true}, "1": {"pptp", false}, "2": {"pptp", true}, "3": {"l2tp", false}, "4": {"l2tp", true},
	"5": {"sstp", false}, "6": {"sstp", true}, "7": {"ikev2", false}, "8": {"ikev2", true}, "12": {"pptp", true}, "13": {"l2tp", true}, "14": {"ikev2", true},
}

// What is said of the rest of an entry.
var phonebookReasons = []reason{
	{"IpPrioritizeRemote", asRoutes}, {"Ipv6PrioritizeRemote", asRoutes}, {"NumRoutes", asRoutes}, {"Routes", asRoutes},
	{"DisableClassBasedDefaultRoute", asRoutes}, {"IpInterfaceMetric", asRoutes}, {"Ipv6InterfaceMetric", asRoutes},
	{"Ip", "set it in NetworkManager: ipv4"}, {"Ipv6", "set it in NetworkManager: ipv6"},
	{"NumServers", "gateways to choose from: make connections of them"}, {"ServerList", "gateways to choose from: make connections of them"},
	{"AlwaysOn", "when to connect is set in NetworkManager: connection.secondaries of the network"},
	{"Custom", "a program or method of Windows; choose the login by the protocol's options"},
	{"NumCustomPolicy", "the proposals: set the options ike and esp"},
}

// Keys that say how Windows dials, shows and keeps the entry, not how the VPN is; an
// entry has about a hundred keys.
var phonebookQuiet = strings.Fields(`Encoding PBVersion Type AutoLogon UseRasCredentials LowDateTime HighDateTime DialParamsUID Guid
	ExcludedProtocols LcpExtensions DataEncryption SwCompression NegotiateMultilinkAlways SkipDoubleDialDialog DialMode OverridePref
	RedialAttempts RedialSeconds IdleDisconnectSeconds RedialOnLinkFailure CallbackMode ForceSecureCompartment AuthenticateServer
	ShareMsFilePrint BindMsNetClient SharedPhoneNumbers GlobalDeviceSettings PreferredPort PreferredDevice PreferredBps PreferredHwFlow
	PreferredProtocol PreferredCompression PreferredSpeaker PreferredMdmProtocol PreviewUserPw PreviewDomain PreviewPhoneNumber
	ShowDialingProgress ShowMonitorIconInTaskBar TypicalAuth UseDialingRules UsePrefixSuffix ShowAuthSettings IpHeaderCompression
	IpAssign IpNameAssign IpFrameSize IpDnsFlags IpNBTFlags TcpWindowSize UseFlags IpSecFlags Ipv6Assign Ipv6PrefixLength Ipv6NameAssign
	Ipv6Prefix Ipv6InterfaceId NetworkOutageTime ImsConfig IdiType IdrType ProvisionType CacheCredentials RouteVersion AutoTiggerCapable
	SecurityDescriptor NETCOMPONENTS ms_msclient ms_server ms_pacer ms_psched MEDIA Port Device DEVICE AreaCode CountryCode CountryID
	Comment FriendlyName LastSelectedPhone PromoteAlternates TryNextAlternateOnFail BaseProtocol VpnStrategy AuthProtocols
	ConnectBPS LineType HwFlowControl Protocol Compression Speaker`)

// isPhonebook knows the keys that every entry has.
func isPhonebook(sections []section) bool {
	return slices.ContainsFunc(sections, func(s section) bool {
		return slices.ContainsFunc(s.lines, func(l line) bool { return l.key == "PBVersion" || l.key == "VpnStrategy" || l.key == "PhoneNumber" })
	})
}

// readPhonebook reads rasphone.pbk: every entry of the type VPN is a connection.
func readPhonebook(sections []section) (r Result) {
	const typeVPN = "2"
	for _, s := range sections {
		f := fields{}
		for _, l := range s.lines {
			f.put(l.key, l.value)
		}
		switch {
		case f["Type"] != typeVPN:
			r.Notes = append(r.Notes, fmt.Sprintf("%s: it is no VPN, but another kind of dial-up connection", printable(s.name, maxName)))
		case len(r.Connections) <= maxConnections:
			r.Connections = append(r.Connections, phonebookEntry(s.name, f))
		}
	}
	r.Notes = r.Notes[:min(len(r.Notes), maxConnections)]
	return r
}

func phonebookEntry(name string, f fields) Connection {
	strategy, known := strategies[f.take("VpnStrategy")]
	d := newDraft(name, strategy.protocol, f)
	switch {
	case !known:
		d.set("protocol", "ikev2")
		d.note("VpnStrategy: which protocol is unknown; choose it")
	case strategy.more:
		d.note("VpnStrategy: Windows tries other protocols too; when it is not %s, choose another one", strategy.protocol)
	}
	d.move("PhoneNumber", "gateway")
	d.moveSecret("PreSharedKey", "psk")
	f.drop(phonebookQuiet...)
	for key, value := range f {
		if base, _, _ := strings.Cut(key, "."); strings.Trim(value, "0.:") == "" && base != "IpPrioritizeRemote" && base != "Ipv6PrioritizeRemote" || slices.Contains(phonebookQuiet, base) {
			f.drop(key)
		}
	}
	d.phonebookRoutes()
	if d.Options["protocol"] == "ikev2" {
		d.phonebookIKEv2()
	}
	d.phonebookLogin()
	return d.done(phonebookReasons...)
}

// phonebookRoutes is about the default route, which both families have unless the
// entry says 0.
func (d *draft) phonebookRoutes() {
	for key, family := range map[string]string{"IpPrioritizeRemote": "ipv4", "Ipv6PrioritizeRemote": "ipv6"} {
		if value, there := d.fields[key]; there && value == "0" {
			d.note("%s: not everything goes into the tunnel; set %s.never-default in NetworkManager", key, family)
		}
		d.fields.drop(key)
	}
	if d.fields["DisableClassBasedDefaultRoute"] == "1" {
		d.fields.drop("DisableClassBasedDefaultRoute") // about what never-default leaves
	}
}

func (d *draft) phonebookIKEv2() {
	d.move("IDI", "local-id")
	d.move("IDR", "remote-id")
	if d.fields.yes("DisableMobility") {
		d.set("no-mobike", "true")
	}
}

// The bits of AuthRestrictions, and the numbers of EAP methods in CustomAuthKey.
const (
	authPAP, authMD5, authEAP, authMSCHAPv2 = 0x8, 0x20, 0x80, 0x200
)

// phonebookLogin reads which ways to log in Windows allows.
func (d *draft) phonebookLogin() {
	bits, _ := strconv.ParseUint(d.fields.take("AuthRestrictions"), 10, 32)
	method := map[string]string{"13": "tls", "21": "ttls-eap", "25": "peap", "26": "mschapv2"}[d.fields["CustomAuthKey"]]
	if method != "" || strings.Trim(d.fields["CustomAuthKey"], "-10") == "" {
		d.fields.drop("CustomAuthKey")
	}
	d.fields.drop("CustomAuthData") // the method's settings, in a form of its own
	switch ikev2 := d.Options["protocol"] == "ikev2"; {
	case ikev2 && bits&authEAP == 0 && bits != 0:
		d.set("auth", "cert")
		d.note("AuthRestrictions: Windows logs in by the computer's certificate; choose it by the option usercert")
	case ikev2:
		d.set("auth", "eap")
		d.set("eap-methods", method)
	case bits&(authEAP|authMSCHAPv2) == 0 && bits&(authPAP|authMD5) != 0:
		d.note("AuthRestrictions: the login is PAP or CHAP; allow it by the protocol's options")
	}
	if method == "tls" {
		d.note("CustomAuthKey: the login is by certificate; choose it by the option usercert")
	}
}
