package ikelogin

import (
	"encoding/hex"
	"errors"
	"net/netip"
	"strconv"
	"strings"

	"github.com/penstock-vpn/penstock/plugins/internal/ike"
)

// Identity reads the notation of local-id and remote-id; nil: none is given.
func Identity(text string) (*ike.ID, error) {
	id := &ike.ID{Kind: ike.IDFQDN, Data: []byte(text)}
	a, err := netip.ParseAddr(text)
	switch rest, isKey := strings.CutPrefix(text, "key:"); {
	case text == "":
		return nil, nil
	case isKey:
		id.Kind, id.Data = ike.IDKey, []byte(rest)
	case strings.HasPrefix(text, "{"):
		return numbered(id, text)
	case err == nil && a.Unmap().Is4():
		id.Kind, id.Data = ike.IDIPv4, a.Unmap().AsSlice()
	case err == nil:
		id.Kind, id.Data = ike.IDIPv6, a.AsSlice()
	case strings.Contains(text, "="):
		id.Kind = ike.IDDN
		id.Data, err = ike.DistinguishedName(text)
		return id, err
	case strings.HasPrefix(text, "@"):
		id.Data = id.Data[1:]
	case strings.Contains(text, "@"):
		id.Kind = ike.IDEmail
	}
	return id, nil
}

// numbered reads {TYPE}:TEXT, and {TYPE}:#DIGITS for bytes.
func numbered(id *ike.ID, text string) (*ike.ID, error) {
	number, data, found := strings.Cut(strings.TrimPrefix(text, "{"), "}:")
	kind, err := strconv.ParseUint(number, 10, 8)
	if !found || err != nil || kind == 0 || data == "" {
		return nil, errors.New("an identity of another kind is {TYPE}:TEXT, with a number from 1 to 255")
	}
	id.Kind, id.Data = ike.IDType(kind), []byte(data)
	if digits, isHex := strings.CutPrefix(data, "#"); isHex {
		if id.Data, err = hex.DecodeString(digits); err != nil || len(id.Data) == 0 {
			return nil, errors.New("what follows on {TYPE}:# are hexadecimal digits")
		}
	}
	return id, nil
}
