package host

import (
	"encoding/binary"

	"github.com/penstock-vpn/penstock/host/internal/dataplane"
	"github.com/penstock-vpn/penstock/host/internal/trace"
	"github.com/penstock-vpn/penstock/host/internal/transport"
	"github.com/penstock-vpn/penstock/sdk/framing"
)

// What Settings.Recorder is told beside packets and the plugin's words.

// hideSecrets keeps what the user stored, and what is answered later, out of the file.
func (c *connection) hideSecrets() {
	if c.settings.Recorder == nil {
		return
	}
	c.redact.also = c.settings.Recorder.Hide
	for _, s := range c.profile.Secrets {
		c.settings.Recorder.Hide(s.Reveal())
	}
}

// recordOpened has addresses be shown by name.
func (c *connection) recordOpened(host string, i transport.Info) {
	if c.options["proxy"] == "" {
		c.settings.Recorder.Name(i.Remote.Addr(), host)
	}
	c.settings.Recorder.Note("%s transport to %s is open, from %v to %v %s", i.Kind, host, i.Local, i.Remote, i.Cipher)
}

func (c *connection) recordEvent(e dataplane.Event) {
	r := c.settings.Recorder
	switch e.Kind {
	case dataplane.Control:
		c.recordFrame(e.Path, false, e.Type, e.Payload)
	case dataplane.Up:
		r.Note("path %d is up", e.Path)
	case dataplane.MTU:
		r.Note("path %d carries packets of %d bytes %s", e.Path, e.MTU, e.Reason)
	case dataplane.Dead:
		r.Note("path %d ended: %s", e.Path, e.Reason)
	}
}

// recordFrame says what is in a control frame where the host knows.
func (c *connection) recordFrame(path uint32, out bool, kind uint32, payload []byte) {
	if c.settings.Recorder == nil {
		return
	}
	dissector := "data"
	t := c.transports[path]
	switch {
	case kind&framing.InPPP != 0:
		dissector = "ppp"
		payload = append(binary.BigEndian.AppendUint16(nil, uint16(kind)), payload...)
	case kind == framing.L2TPControl:
		dissector = trace.L2TP
	case kind == 0 && t != nil && t.kind == "esp":
		dissector = "isakmp"
	}
	c.settings.Recorder.Frame(dissector, path, out, kind, payload)
}
