package l2tp

import (
	"encoding/binary"
	"fmt"
	"strings"

	"github.com/penstock-vpn/penstock/sdk/diag"
)

// Result codes of StopCCN (RFC 2661 section 4.4.2) that we send, and of CDN.
const (
	requested     = 1
	generalError  = 2
	notAuthorized = 4
	// unknownMandatory is a general error, with the code of that.
	unknownMandatory = generalError<<8 | 8
	// administrative is of CDN.
	administrative = 3
)

// result is the attribute of a code, with that of an error in its upper half if there is one.
func result(code uint16) AVP {
	if code > 0xff {
		return number32(ResultCode, uint32(code>>8)<<16|uint32(code&0xff))
	}
	return number16(ResultCode, code)
}

var stopWords = map[uint16]string{
	1: "the gateway ended the tunnel", 2: "the gateway ended the tunnel for an error", 3: "the gateway has a tunnel with this computer already",
	4: "the gateway does not let this computer have a tunnel", 5: "the gateway speaks another version of L2TP", 6: "the gateway is shutting down",
	7: "the gateway saw an error in the protocol",
}

var disconnectWords = map[uint16]string{
	1: "the gateway lost the call", 2: "the gateway ended the call for an error", 3: "the gateway ended the call",
	4: "the gateway has no room for a call now", 5: "the gateway has no room for calls", 6: "the gateway refuses where the call goes",
	7: "the gateway found no carrier for the call", 8: "the gateway is busy", 9: "the gateway found no dial tone",
	10: "the gateway did not connect the call in time", 11: "the gateway found no framing that it knows",
}

// errorWords are the general error codes.
var errorWords = map[uint16]string{
	1: "there is no tunnel yet", 2: "a length is wrong", 3: "a value is out of range", 4: "it has too few resources now",
	5: "the call's number is wrong", 6: "an error of its own", 7: "try another gateway", 8: "an attribute that it had to know was unknown",
}

// stopped is why the peer ended the tunnel.
func stopped(value []byte, secretOption string) error {
	code, why := reason(value)
	switch code {
	case notAuthorized:
		d := diag.New(diag.AuthRefused, stopWords[code], why)
		if secretOption != "" {
			d.Detail = strings.TrimSpace(d.Detail + " It may want a secret of the tunnel, or another.")
			return d.With(secretOption)
		}
		return d
	case 5, 7:
		return diag.New(diag.Protocol, stopWords[code], why)
	}
	return ended(stopWords, code, why, "the tunnel")
}

// disconnected is why the peer ended the call.
func disconnected(value []byte) error {
	code, why := reason(value)
	return ended(disconnectWords, code, why, "the call")
}

func ended(words map[uint16]string, code uint16, why, what string) error {
	summary, known := words[code]
	if !known {
		summary = fmt.Sprintf("the gateway ended %s for the reason %d, which is unknown here", what, code)
	}
	return diag.New(diag.SessionEnded, summary, why)
}

// reason reads a Result Code: the code, and what the peer says about it, fit for people.
func reason(value []byte) (code uint16, why string) {
	if len(value) < 2 {
		return 0, "It gave no reason."
	}
	code = binary.BigEndian.Uint16(value)
	if len(value) >= 4 {
		if n := binary.BigEndian.Uint16(value[2:]); errorWords[n] != "" {
			why = "It says: " + errorWords[n] + "."
		}
		if said := printable(value[4:]); said != "" {
			why = strings.TrimSpace(why + " In its own words: " + said)
		}
	}
	if why == "" {
		why = "It gave no reason."
	}
	return code, why
}

// printable is text of the peer's.
func printable(b []byte) string {
	return strings.TrimSpace(strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f || r == '�' {
			return ' '
		}
		return r
	}, strings.ToValidUTF8(string(b[:min(len(b), 200)]), " ")))
}
