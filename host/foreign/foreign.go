// Package foreign reads the connections that other VPN programs keep in files, and
// tells them in the options of ours.
//
//	anyconnect.go   profiles of Cisco's AnyConnect, which OpenConnect reads too (XML)
//	keyfile.go      NetworkManager's connections, and what NetworkManager-openconnect exports
//	service.go      the keys of NetworkManager's other VPN plugins, as tables: openconnect.go,
//	                vpnc.go, ppp.go (pptp, l2tp, sstp), strongswan.go
//	sswan.go        profiles of strongSwan's Android app (JSON)
//	mobileconfig.go Apple's configuration profiles (property lists)
//	phonebook.go    Windows' phone books (rasphone.pbk)
//
// A reader takes what it understands out of the file's fields; what is left over then
// has no counterpart and is named in the notes. Nothing is dropped in silence.
package foreign

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"strings"
	"unicode/utf16"

	"github.com/penstock-vpn/penstock/sdk/option"
	"github.com/penstock-vpn/penstock/sdk/secret"
)

// Connection is one that a file describes.
type Connection struct {
	Name    string        // as people call it
	Options option.Values // protocol, gateway, and what else has a counterpart
	Secrets map[string]secret.String
	Flags   map[string]string // how NetworkManager is to keep a secret, by the secret's key
	Files   map[string]File   // certificates and keys that the file holds itself, by option
	Notes   []string          // what has no counterpart, and why
	Refused string            // why no connection can be made of it; then among the notes too

	// Of a connection of another VPN plugin of NetworkManager alone:
	Keys   map[string]string // where the other plugin keeps a secret or an answer, by our key
	Spare  []string          // secrets of the other plugin that NetworkManager never keeps
	Spoken map[string]string // flags of what is no secret of the other plugin, by its key
}

// File is what has to become a file of its own, since an option takes its path.
type File struct {
	Ending string // .pem or .p12
	Data   secret.String
}

// Result is all that a file holds.
type Result struct {
	Connections []Connection
	Notes       []string // on what is no connection
}

// Limits of a file.
const (
	MaxFile        = 4 << 20 // bytes
	maxConnections = 64
	maxDepth       = 32 // of nested things
	maxThings      = 20_000
)

// Read finds out what kind of file it is and reads it. The error says why a file
// cannot be read, and what to do.
func Read(text []byte) (Result, error) {
	if len(text) > MaxFile {
		return Result{}, fmt.Errorf("the file has %d bytes, at most %d are read", len(text), MaxFile)
	}
	if err := sealed(text); err != nil {
		return Result{}, err
	}
	plain := strings.TrimSpace(decoded(text))
	if plain == "" {
		return Result{}, errors.New("the file is empty")
	}
	read := readSections
	switch plain[0] {
	case '{':
		read = readSSwan
	case '<':
		read = readXML
	}
	r, err := read(plain)
	switch {
	case err != nil:
		return Result{}, err
	case len(r.Connections) == 0:
		return Result{}, errors.New("there is no VPN connection in the file")
	case len(r.Connections) > maxConnections:
		return Result{}, fmt.Errorf("the file has %d connections, at most %d are read", len(r.Connections), maxConnections)
	}
	return r, nil
}

// sealed says what to do about files that hold their text in another form.
func sealed(text []byte) error {
	trimmed := bytes.TrimSpace(text)
	const derSequence = 0x30 // with a length of two or more bytes behind it, as a whole profile has
	switch {
	case bytes.HasPrefix(trimmed, []byte("bplist")):
		return errors.New("this is a binary property list; make it text first: plutil -convert xml1 FILE, or plistutil -i FILE -o FILE.xml")
	case len(trimmed) > 1 && trimmed[0] == derSequence && trimmed[1]&0x80 != 0,
		bytes.HasPrefix(trimmed, []byte("-----BEGIN PKCS7")), bytes.HasPrefix(trimmed, []byte("-----BEGIN CMS")):
		return errors.New("this profile is signed, and who signed it is not checked here; if you trust where it came from, unpack it: " +
			"openssl smime -verify -noverify -inform DER -in FILE -out FILE.xml")
	}
	return nil
}

// decoded is text in UTF-8: Windows writes UTF-16 too. What is neither is replaced.
func decoded(text []byte) string {
	var order binary.ByteOrder
	switch {
	case bytes.HasPrefix(text, []byte{0xff, 0xfe}):
		order = binary.LittleEndian
	case bytes.HasPrefix(text, []byte{0xfe, 0xff}):
		order = binary.BigEndian
	default:
		return strings.ToValidUTF8(strings.TrimPrefix(string(text), "\ufeff"), "\ufffd")
	}
	units := make([]uint16, 0, len(text)/2)
	for i := 2; i+1 < len(text); i += 2 {
		units = append(units, order.Uint16(text[i:]))
	}
	return string(utf16.Decode(units))
}
