package frame

import "fmt"

// Datagram returns the frame that is d, one whole datagram.
func (c *Codec) Datagram(d []byte) (Frame, error) {
	if c.l2tp != nil {
		return c.message(d)
	}
	h := len(c.spec.Header)
	if len(d) < h {
		return Frame{}, fmt.Errorf("frame: datagram of %d bytes, the header alone has %d", len(d), h)
	}
	typ, n, err := c.header(d)
	if err != nil {
		return Frame{}, err
	}
	payload := d[h:]
	if n >= 0 && n != len(payload) {
		return Frame{}, fmt.Errorf("frame: length field says %d bytes of payload, the datagram has %d", n, len(payload))
	}
	if len(payload) > c.max {
		return Frame{}, fmt.Errorf("frame: %d bytes of payload, at most %d are allowed", len(payload), c.max)
	}
	return c.frame(typ, payload), nil
}
