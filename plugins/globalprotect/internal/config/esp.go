package config

import (
	"encoding/hex"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/penstock-vpn/penstock/plugins/globalprotect/internal/xmldoc"
)

// ciphers and hashes are what gateways name, with the bytes of their keys. The key of
// GCM has its salt behind it, and no key of a hash beside it.
var (
	ciphers = map[string]struct {
		name string
		key  int
		aead bool
	}{
		"aes-128-cbc": {"aes128", 16, false}, "aes128": {"aes128", 16, false}, "aes-256-cbc": {"aes256", 32, false},
		"aes-128-gcm": {"aes128gcm16", 20, true}, "aes-256-gcm": {"aes256gcm16", 36, true},
	}
	hashes = map[string]int{"sha1": 20, "sha256": 32, "md5": 16}
)

const (
	defaultPort = 4501
	minSPI      = 256 // lower ones are reserved
)

// parseESP reads the element ipsec.
func parseESP(e *xmldoc.Element) (*ESP, error) {
	if mode := e.Value("ipsec-mode"); mode != "" && mode != "esp-tunnel" {
		return nil, fmt.Errorf("the gateway wants IPsec in the mode %.40q", mode)
	}
	cipher, known := ciphers[strings.ToLower(e.Value("enc-algo"))]
	if !known {
		return nil, fmt.Errorf("the gateway wants the unknown cipher %.40q", e.Value("enc-algo"))
	}
	hash := strings.ToLower(e.Value("hmac-algo"))
	hashKey, known := hashes[hash]
	x := &ESP{Port: defaultPort, Suite: cipher.name + "-" + hash}
	switch {
	case cipher.aead:
		x.Suite, hashKey = cipher.name, 0
	case !known:
		return nil, fmt.Errorf("the gateway wants the unknown hash %.40q", hash)
	}
	if text := e.Value("udp-port"); text != "" {
		port, err := strconv.ParseUint(text, 10, 16)
		if err != nil || port == 0 {
			return nil, errors.New("the gateway names a port for ESP that is none")
		}
		x.Port = int(port)
	}
	var err error
	if x.Send, err = parseSA(e, "c2s", cipher.key, hashKey); err != nil {
		return nil, err
	}
	x.Receive, err = parseSA(e, "s2c", cipher.key, hashKey)
	return x, err
}

// parseSA reads one direction's elements.
func parseSA(e *xmldoc.Element, direction string, key, hashKey int) (SA, error) {
	text := strings.ToLower(e.Value(direction + "-spi"))
	spi, err := strconv.ParseUint(strings.TrimPrefix(text, "0x"), 16, 32)
	if err != nil || spi < minSPI {
		return SA{}, errors.New("the gateway names an SPI that is none")
	}
	sa := SA{SPI: uint32(spi)}
	if sa.Key, err = parseKey(e.Find("ekey-"+direction), key); err != nil {
		return SA{}, err
	}
	if hashKey > 0 {
		sa.AuthKey, err = parseKey(e.Find("akey-"+direction), hashKey)
	}
	return sa, err
}

func parseKey(e *xmldoc.Element, size int) ([]byte, error) {
	key, err := hex.DecodeString(e.Value("val"))
	if err != nil || len(key) != size {
		return nil, fmt.Errorf("the gateway gives a key of %d bits where %d are needed", len(key)*8, size*8)
	}
	if bits := e.Value("bits"); bits != "" && bits != strconv.Itoa(size*8) {
		return nil, fmt.Errorf("the gateway gives a key and says that it has %.10q bits", bits)
	}
	return key, nil
}
