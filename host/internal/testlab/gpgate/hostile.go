package gpgate

import (
	"bytes"
	"encoding/binary"
	"strings"
	"time"
)

// Broken is a way to break the protocol.
type Broken struct {
	Name   string
	Change func(*Config)
}

// Path is where it first shows; "" for the TLS tunnel.
func (b Broken) Path() string {
	var c Config
	b.Change(&c)
	for path := range c.Answers {
		return path
	}
	for _, e := range c.Edits {
		return e.Path
	}
	return ""
}

// Paths of requests.
const (
	PortalPrelogin  = "/global-protect/prelogin.esp"
	PortalConfig    = "/global-protect/getconfig.esp"
	GatewayPrelogin = "/ssl-vpn/prelogin.esp"
	GatewayLogin    = "/ssl-vpn/login.esp"
	GatewayConfig   = "/ssl-vpn/getconfig.esp"
	HIPCheck        = "/ssl-vpn/hipreportcheck.esp"
	HIPReport       = "/ssl-vpn/hipreport.esp"
	LogoutPath      = "/ssl-vpn/logout.esp"
	TunnelPath      = tunnelPath
)

// says has a path answered with a.
func says(path string, a Answer) func(*Config) {
	return func(c *Config) { c.Answers = map[string]Answer{path: a} }
}

// edits has an honest answer changed.
func edits(path, find, with string) func(*Config) {
	return func(c *Config) { c.Edits = append(c.Edits, Edit{path, find, with}) }
}

// Anywhere are ways to break any HTTP answer, here that of a path.
func Anywhere(path string) []Broken {
	return []Broken{
		{"no HTTP", says(path, Answer{Raw: true, Body: "\x00\x01\x16\x03 no HTTP at all\r\n\r\n", Close: true})},
		{"nothing", says(path, Answer{Raw: true, Close: true})},
		{"an empty body", says(path, Answer{})},
		{"a header of 10 MB", says(path, Answer{Raw: true, Body: "HTTP/1.1 200 OK\r\nX-Pad: ", Fill: "aaaaaaaaaa", Times: 1 << 20, Tail: "\r\nContent-Length: 0\r\n\r\n", Close: true})},
		{"50 MB of XML", says(path, Answer{Body: "<policy>", Fill: "<argument>x</argument>", Times: 50_000_000 / 22, Tail: "</policy>"})},
		{"a million nested elements", says(path, Answer{Fill: "<response>", Times: 1_000_000})},
		{"entities that unfold", says(path, Answer{Body: bomb()})},
		{"half an answer", says(path, Answer{Raw: true, Body: "HTTP/1.1 200 OK\r\nContent-Length: 4000\r\n\r\n<response", Close: true})},
		{"a redirect to itself", says(path, Answer{Status: 302, Headers: []string{"Location: https://vpn.test" + path}})},
		{"a redirect out of HTTPS", says(path, Answer{Status: 302, Headers: []string{"Location: http://vpn.test/"}})},
		{"a byte a second", says(path, Answer{Raw: true, Body: "HTTP/1.1 200 OK\r\nX-Pad: " + strings.Repeat("a", 1000), Slow: time.Second})},
		{"status 500", says(path, Answer{Status: 500, Body: "<html><body>Internal Server Error</body></html>"})},
		{"JavaScript that does not end", says(path, Answer{Body: `var respStatus = "Challenge"; var respMsg = "no end`})},
		{"a challenge without inputStr", says(path, Answer{Body: "var respStatus = \"Challenge\";\nvar respMsg = \"code\";\n"})},
	}
}

// bomb is a document whose entities would unfold to 10^9 bytes.
func bomb() string {
	var b strings.Builder
	b.WriteString(`<?xml version="1.0"?><!DOCTYPE response [<!ENTITY a0 "aaaaaaaaaa">`)
	for i := range 9 {
		b.WriteString("<!ENTITY a" + itoa(i+1) + ` "` + strings.Repeat("&a"+itoa(i)+";", 10) + `">`)
	}
	b.WriteString(`]><response status="error"><error>&a9;</error></response>`)
	return b.String()
}

// InLogin are ways to break prelogin, the portal's list and the login.
func InLogin() []Broken {
	return []Broken{
		{"SAML that is no base64", func(c *Config) {
			c.Gateway.SAML.Method = "REDIRECT"
			edits(GatewayPrelogin, "<saml-request>.*</saml-request>", "<saml-request>!!!</saml-request>")(c)
		}},
		{"SAML by an unknown method", func(c *Config) {
			c.Gateway.SAML.Method = "REDIRECT"
			edits(GatewayPrelogin, "<saml-auth-method>.*</saml-auth-method>", "<saml-auth-method>PIGEON</saml-auth-method>")(c)
		}},
		{"SAML that opens a file", func(c *Config) {
			c.Gateway.SAML.Method = "REDIRECT" // file:///etc/passwd
			edits(GatewayPrelogin, "<saml-request>.*</saml-request>", "<saml-request>ZmlsZTovLy9ldGMvcGFzc3dk</saml-request>")(c)
		}},
		{"a login without arguments", edits(GatewayLogin, "(?s)<argument>.*</argument>", "")},
		{"a login without a cookie", edits(GatewayLogin, "<argument>[0-9a-f]{32}</argument>", "<argument></argument>")},
		{"a cookie that breaks out of its line", edits(GatewayLogin, "<argument>[0-9a-f]{32}</argument>", "<argument>a%0d%0aX-Evil: 1</argument>")},
		{"a connection of another type", edits(GatewayLogin, "<argument>tunnel</argument>", "<argument>notunnel</argument>")},
		{"another version of the protocol", edits(GatewayLogin, "<argument>4100</argument>", "<argument>4200</argument>")},
		{"a portal without gateways", edits(PortalConfig, "(?s)<list>.*</list>", "<list></list>")},
		{"a gateway that is no address", edits(PortalConfig, `entry name="vpn.test"`, `entry name="vpn test/../?#@:x"`)},
	}
}

// InConfig are ways to break getconfig's answer that no client can live with.
func InConfig() []Broken {
	edit := func(find, with string) func(*Config) { return edits(GatewayConfig, find, with) }
	return []Broken{
		{"no address", edit("(?s)<ip-address>.*</ip-address>|<ip-address-v6>.*</ip-address-v6>", "")},
		{"an address that is none", edit("<ip-address>.*</ip-address>", "<ip-address>10.88.0.900</ip-address>")},
		{"MTU 70000", edit("<mtu>0</mtu>", "<mtu>70000</mtu>")},
		{"a tunnel on another host", edit("<ssl-tunnel-url>.*</ssl-tunnel-url>", "<ssl-tunnel-url>https://elsewhere.test/x</ssl-tunnel-url>")},
		{"a tunnel address that breaks out of its line", edit("<ssl-tunnel-url>.*</ssl-tunnel-url>", "<ssl-tunnel-url>/x HTTP/1.1\r\nX-Evil: 1\r\n</ssl-tunnel-url>")},
	}
}

// InESP are ways to break the keys of ESP: clients go on over the TLS tunnel, or say
// what is wrong.
func InESP() []Broken {
	edit := func(find, with string) func(*Config) { return edits(GatewayConfig, find, with) }
	return []Broken{
		{"an unknown cipher", edit("<enc-algo>.*</enc-algo>", "<enc-algo>rot13</enc-algo>")},
		{"an unknown hash", edit("<hmac-algo>.*</hmac-algo>", "<hmac-algo>crc32</hmac-algo>")},
		{"a short key", edit("(?s)(<ekey-c2s>.*<val>)[0-9a-f]{8}", "$1")},
		{"a key that is no hex", edit("(?s)(<ekey-s2c>.*?<val>)[0-9a-f]{2}", "${1}zz")},
		{"bits that the key has not", edit("(?s)(<akey-s2c>.*?<bits>)[0-9]*", "${1}2048")},
		{"an SPI of 0", edit("<s2c-spi>.*</s2c-spi>", "<s2c-spi>0x0</s2c-spi>")},
		{"an SPI that is no number", edit("<c2s-spi>.*</c2s-spi>", "<c2s-spi>pineapple</c2s-spi>")},
		{"port 0", edit("<udp-port>.*</udp-port>", "<udp-port>0</udp-port>")},
		{"port 99999", edit("<udp-port>.*</udp-port>", "<udp-port>99999</udp-port>")},
		{"another mode", edit("<ipsec-mode>.*</ipsec-mode>", "<ipsec-mode>ah-transport</ipsec-mode>")},
		{"no address to ping", edit("(?s)<gw-address>.*?</gw-address>|<gw-address-v6>.*?</gw-address-v6>", "")},
	}
}

// InStream are ways to break the TLS tunnel.
func InStream() []Broken {
	raw := func(b []byte) func(*Config) { return func(c *Config) { c.Stream.Raw = b } }
	start := func(s string) func(*Config) { return func(c *Config) { c.Stream.Start = s } }
	return []Broken{
		{"another word than START_TUNNEL", start("STOP_TUNNELS")},
		{"HTTP in place of START_TUNNEL", start("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")},
		{"half of START_TUNNEL", func(c *Config) { c.Stream.Start, c.Stream.Raw = "START", []byte{} }},
		{"another magic number", raw(frame(0xdeadbeef, 0x0800, 20, ofData, make([]byte, 20)))},
		{"a frame longer than any packet", raw(frame(0x1a2b3c4d, 0x0800, 0xffff, ofData, bytes.Repeat([]byte{0x45}, 1<<18)))},
		{"a frame shorter than what follows", raw(frame(0x1a2b3c4d, 0x0800, 3, ofData, bytes.Repeat([]byte{0x45}, 1000)))},
		{"a frame of ARP", raw(frame(0x1a2b3c4d, 0x0806, 28, ofData, make([]byte, 28)))},
		{"a frame of another kind", raw(frame(0x1a2b3c4d, 0x0800, 20, 0x07000000, make([]byte, 20)))},
	}
}

// frame is one with any header.
func frame(magic uint32, ether uint16, length int, kind uint32, payload []byte) []byte {
	b := binary.BigEndian.AppendUint32(nil, magic)
	b = binary.BigEndian.AppendUint16(b, ether)
	b = binary.BigEndian.AppendUint16(b, uint16(length))
	b = binary.BigEndian.AppendUint32(b, kind)
	return append(append(b, 0, 0, 0, 0), payload...)
}
