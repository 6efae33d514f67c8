package transport

import (
	"net/url"
	"strings"

	"github.com/penstock-vpn/penstock/sdk/diag"
	"github.com/penstock-vpn/penstock/sdk/secret"
)

// tokenURI is a PKCS#11 URI (RFC 7512), as far as it is used: which token, which
// object in it, which module, and where the PIN is.
type tokenURI struct {
	token, serial, object string
	id                    []byte
	module                string        // path of the PKCS#11 module; "": p11-kit's proxy
	pin                   secret.String // pin-value
	pinSource             string        // path of a file with the PIN
}

// parseTokenURI reads pkcs11:attribute=value;...?attribute=value&... Unknown
// attributes that would narrow the choice are refused, so that no other object is
// taken than meant; vendor attributes are ignored (RFC 7512 section 2.3).
func parseTokenURI(text, option string) (tokenURI, error) {
	bad := func(why string) (tokenURI, error) {
		return tokenURI{}, diag.New(diag.Config, "the PKCS#11 URI of "+option+" cannot be read", why).With(option)
	}
	rest, found := strings.CutPrefix(text, "pkcs11:")
	if !found {
		return bad("it must begin with pkcs11:")
	}
	path, query, _ := strings.Cut(rest, "?")
	var u tokenURI
	seen := map[string]bool{}
	for _, part := range append(strings.Split(path, ";"), strings.Split(query, "&")...) {
		if part == "" {
			continue
		}
		name, raw, _ := strings.Cut(part, "=")
		value, err := url.PathUnescape(raw)
		if err != nil {
			return bad("the attribute " + printable(name) + " is not percent-encoded properly")
		}
		if seen[name] {
			return bad("the attribute " + printable(name) + " stands twice")
		}
		seen[name] = true
		if !u.set(name, value) {
			return bad("the attribute " + printable(name) + " is not known; use token, serial, object, id, type, module-path, pin-value or pin-source")
		}
	}
	return u, nil
}

// set takes one attribute; it returns false for one that is not known.
func (u *tokenURI) set(name, value string) bool {
	switch name {
	case "token":
		u.token = value
	case "serial":
		u.serial = value
	case "object":
		u.object = value
	case "id":
		u.id = []byte(value)
	case "module-path":
		u.module = value
	case "pin-value":
		u.pin = secret.New(value)
	case "pin-source":
		u.pinSource = strings.TrimPrefix(value, "file:")
	case "type", "manufacturer", "model", "library-manufacturer", "library-description", "library-version", "slot-description", "slot-manufacturer":
		// They describe what the other attributes choose already.
	default:
		return strings.HasPrefix(name, "x-")
	}
	return true
}
