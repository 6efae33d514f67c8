package hostile

import (
	"encoding/binary"
	"io"
	"net"
	"net/http"
	"strings"
	"time"
)

// raw answers the login with these bytes, whatever they are.
func raw(text string) Script {
	return Script{HTTP: func(w io.Writer, r *http.Request) bool {
		if r.Method == http.MethodConnect {
			return false
		}
		io.WriteString(w, text)
		return true
	}}
}

// xml answers the login with this document.
func xml(body string) Script {
	return Script{HTTP: func(w io.Writer, r *http.Request) bool {
		if r.Method == http.MethodConnect {
			return false
		}
		Reply(w, "200 OK", body)
		return true
	}}
}

// Garbage answers with what is no HTTP.
func Garbage() Script { return raw(strings.Repeat("\x00\xff\x16\x03 no HTTP at all\r\n\r\n", 100)) }

// HugeHeader answers with one header of that many bytes.
func HugeHeader(size int) Script {
	return raw("HTTP/1.1 200 OK\r\nX-Pad: " + strings.Repeat("a", size) + "\r\nContent-Length: 0\r\n\r\n")
}

// HugeConnectHeader does so in the answer to CONNECT.
func HugeConnectHeader(size int) Script {
	return Script{Connect: map[string]string{"X-CSTP-Pad": strings.Repeat("a", size)}}
}

// EntityBomb answers with a document whose entities would unfold to 10^9 bytes.
func EntityBomb() Script {
	var b strings.Builder
	b.WriteString(`<?xml version="1.0"?><!DOCTYPE config-auth [<!ENTITY a0 "aaaaaaaaaa">`)
	for i := range 9 {
		b.WriteString("<!ENTITY a" + string(rune('1'+i)) + ` "` + strings.Repeat("&a"+string(rune('0'+i))+";", 10) + `">`)
	}
	b.WriteString(`]><config-auth client="vpn" type="auth-request"><auth id="main"><message>&a9;</message></auth></config-auth>`)
	return xml(b.String())
}

// DeepXML answers with elements nested that deep.
func DeepXML(depth int) Script {
	return xml(`<config-auth client="vpn" type="auth-request">` + strings.Repeat("<auth>", depth) + strings.Repeat("</auth>", depth) + "</config-auth>")
}

// HugeXML answers with a document of about that many bytes.
func HugeXML(size int) Script {
	input := `<input type="text" name="n" label="l"/>`
	return xml(`<config-auth client="vpn" type="auth-request"><auth id="main"><form>` + strings.Repeat(input, size/len(input)) + `</form></auth></config-auth>`)
}

// Header sends one header of the CONNECT answer with this value.
func Header(key, value string) Script { return Script{Connect: map[string]string{key: value}} }

// frame is a CSTP frame that says it carries length bytes.
func frame(length, kind int, payload string) []byte {
	b := binary.BigEndian.AppendUint16([]byte("STF\x01"), uint16(length))
	return append(append(b, byte(kind), 0), payload...)
}

// LongFrame sends a frame that claims more than any packet has, and bytes without end.
func LongFrame() Script {
	return Script{Tunnel: func(c net.Conn) {
		c.Write(frame(0xffff, 0, ""))
		for chunk := make([]byte, 1<<14); ; {
			if _, err := c.Write(chunk); err != nil {
				return
			}
		}
	}}
}

// ShortFrame sends data frames whose length is less than what follows.
func ShortFrame() Script {
	return Script{Tunnel: func(c net.Conn) { c.Write(frame(3, 0, strings.Repeat("E", 1000))) }}
}

// EmptyFrame sends a data frame with nothing inside, and one that is no IP packet.
func EmptyFrame() Script {
	return Script{Tunnel: func(c net.Conn) {
		c.Write(frame(0, 0, ""))
		c.Write(frame(4, 0, "\xf0\xff\xff\xff"))
	}}
}

// Silent takes connections and never says a word.
func Silent() Script {
	return Script{TCP: func(c net.Conn) { io.Copy(io.Discard, c) }}
}

// Drip answers the login one byte a second, without end.
func Drip() Script {
	return Script{HTTP: func(w io.Writer, _ *http.Request) bool {
		io.WriteString(w, "HTTP/1.1 200 OK\r\nX-Pad: ")
		tick := time.NewTicker(time.Second)
		defer tick.Stop()
		for range tick.C {
			if _, err := io.WriteString(w, "a"); err != nil {
				break
			}
		}
		return true
	}}
}
