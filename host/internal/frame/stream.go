package frame

import (
	"errors"

	"github.com/penstock-vpn/penstock/sdk/framing"
)

// Cut returns the frame that b, a piece of a stream, begins with, and its length
// with header. The length is 0 when b holds only a part of the frame. After an
// error the stream is beyond repair.
func (c *Codec) Cut(b []byte) (Frame, int, error) {
	h := len(c.spec.Header)
	if len(b) < h {
		return Frame{}, 0, nil
	}
	typ, n, err := c.header(b)
	if err != nil || len(b) < h+n {
		return Frame{}, 0, err
	}
	return c.frame(typ, b[h:h+n:h+n]), h + n, nil
}

// readSize is the least room for a read, in bytes: several TLS records.
const readSize = 256 << 10

// Cutter gathers the reads of a stream and cuts them:
//
//	n, err := stream.Read(cutter.Space())
//	cutter.Fill(n)
//	for f, ok, err := cutter.Next(); ok; f, ok, err = cutter.Next() { ... }
type Cutter struct {
	codec *Codec
	buf   []byte
	r, w  int // buf[r:w] is not cut yet
}

// NewCutter returns a Cutter for frames of c, which need a length field.
func NewCutter(c *Codec) (*Cutter, error) {
	if c.spec.Length.Width == 0 {
		return nil, errors.New("framing: frames on a stream need a length field")
	}
	return &Cutter{codec: c, buf: make([]byte, readSize+framing.MaxHeader+c.max)}, nil
}

// Space returns where the next read goes: never empty when Next was called to its
// end. Payloads from earlier frames are overwritten.
func (k *Cutter) Space() []byte {
	if k.r > 0 {
		k.w = copy(k.buf, k.buf[k.r:k.w])
		k.r = 0
	}
	return k.buf[k.w:]
}

// Fill says that n bytes of Space were read.
func (k *Cutter) Fill(n int) { k.w += n }

// Next cuts the next frame; ok is false when none is whole. After an error every
// call returns it again.
func (k *Cutter) Next() (f Frame, ok bool, err error) {
	f, n, err := k.codec.Cut(k.buf[k.r:k.w])
	k.r += n
	return f, n > 0, err
}

// Pending is the number of bytes read and not cut: of a frame that is not whole,
// when Next was called to its end.
func (k *Cutter) Pending() int { return k.w - k.r }
