// Package trace writes what a connection sends and receives to a pcapng file, for
// Wireshark: three interfaces of which each has a name.
//
//	penstock inner     packets of the TUN device, as they are
//	penstock outer     packets to and from the gateway's addresses, as the network carries
//	                   them: a packet socket of the kernel sees them
//	penstock control   what plugin and gateway say to each other, deciphered, as PDUs that
//	                   name their dissector: HTTP as HTTP, other things as words
//
// Nothing of it stands in the way of packets: an inner one is copied into a bounded
// queue, or dropped and counted. A goroutine writes, and leaves the file whole after each
// turn. A Recorder that is nil records nothing.
package trace

import (
	"errors"
	"fmt"
	"io"
	"net/netip"
	"os"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
)

// Interface is one of those of the file.
type Interface int

// The interfaces, in the order of the file.
const (
	Inner Interface = iota
	Outer
	Control
	interfaces
)

const (
	linkRaw = 101 // LINKTYPE_RAW: begins with the IP header
	linkPDU = 252 // LINKTYPE_WIRESHARK_UPPER_PDU: says its dissector
)

// What waits to be written at most.
const (
	maxQueued      = 8192
	maxQueuedBytes = 16 << 20
	flushSize      = 256 << 10
)

// Options of New.
type Options struct {
	Application string // what writes the file, with its version
	// Secrets leaves secrets as they are, and has the keys of TLS in the file.
	Secrets bool
	Warn    func(text string) // something is missing in the file; nil: nobody listens
}

// Recorder writes one file. Its methods may be called from any goroutine.
type Recorder struct {
	o      Options
	file   io.WriteCloser
	queue  chan record
	queued atomic.Int64 // bytes
	count  [interfaces]count
	hidden hidden
	tap    *tap // nil: outer packets are not seen

	mu    sync.Mutex
	names map[netip.Addr]string // in the file already

	closing sync.Once
	quit    chan struct{}
	done    chan struct{}
	failed  error // of the writer, read after done
}

type count struct{ received, dropped atomic.Uint64 }

// record is one block to write: of a packet, unless it has another way.
type record struct {
	from    Interface
	at      time.Time
	flags   uint32
	data    []byte
	comment string
	other   func(b []byte) []byte
}

// Create makes the file: a new one, for its owner alone.
func Create(path string) (*os.File, error) {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL|syscall.O_NOFOLLOW, 0o600)
	if errors.Is(err, os.ErrExist) {
		return nil, fmt.Errorf("%s is there already: it is not written over", path)
	}
	return f, err
}

// New writes to file, which it closes.
func New(file io.WriteCloser, o Options) *Recorder {
	if o.Warn == nil {
		o.Warn = func(string) {}
	}
	r := &Recorder{o: o, file: file, queue: make(chan record, maxQueued), names: map[netip.Addr]string{}, quit: make(chan struct{}), done: make(chan struct{})}
	tap, err := newTap(r)
	if err != nil {
		o.Warn("the packets outside the tunnel are not recorded: " + err.Error())
	}
	r.tap = tap
	go r.write(header(o, err))
	return r
}

// header is how the file begins.
func header(o Options, outer error) []byte {
	seen := "packets to and from the gateway's addresses, as the network carries them"
	if outer != nil {
		seen = "nothing: " + outer.Error()
	}
	b := appendSection(nil, o.Application)
	b = appendInterface(b, linkRaw, "penstock inner", "packets of the tunnel's device")
	b = appendInterface(b, linkRaw, "penstock outer", seen)
	return appendInterface(b, linkPDU, "penstock control", "what is said to the gateway, deciphered")
}

// put queues, or drops and counts.
func (r *Recorder) put(c record) {
	size := int64(len(c.data))
	counts := c.other == nil
	if counts {
		r.count[c.from].received.Add(1)
	}
	if r.queued.Add(size) > maxQueuedBytes {
		r.drop(c, size)
		return
	}
	select {
	case r.queue <- c:
	default:
		r.drop(c, size)
	}
}

func (r *Recorder) drop(c record, size int64) {
	r.queued.Add(-size)
	r.count[c.from].dropped.Add(1)
}

// packet copies data.
func (r *Recorder) packet(from Interface, out bool, data []byte) {
	r.put(record{from: from, at: time.Now(), flags: direction(out), data: append([]byte(nil), data...)})
}

func direction(out bool) uint32 {
	if out {
		return outbound
	}
	return inbound
}

// write runs until Close.
func (r *Recorder) write(b []byte) {
	defer close(r.done)
	var told [interfaces]uint64 // of what was dropped
	for {
		if len(r.queue) == 0 || len(b) >= flushSize {
			b = r.flush(r.statistics(b, &told, false))
		}
		select {
		case c := <-r.queue:
			b = r.block(b, c)
		case <-r.quit:
			for len(r.queue) > 0 {
				b = r.block(b, <-r.queue)
			}
			r.flush(r.statistics(b, &told, true))
			r.failed = errors.Join(r.failed, r.file.Close())
			return
		}
	}
}

func (r *Recorder) block(b []byte, c record) []byte {
	r.queued.Add(-int64(len(c.data)))
	if c.other != nil {
		return c.other(b)
	}
	return appendPacket(b, c.from, c.at, c.flags, c.data, c.comment)
}

// statistics tells of each interface that dropped more, or of all.
func (r *Recorder) statistics(b []byte, told *[interfaces]uint64, all bool) []byte {
	for i := range r.count {
		if dropped := r.count[i].dropped.Load(); all || dropped != told[i] {
			told[i] = dropped
			b = appendStatistics(b, Interface(i), time.Now(), r.count[i].received.Load(), dropped)
		}
	}
	return b
}

// flush writes whole blocks. After an error there is nothing more to write.
func (r *Recorder) flush(b []byte) []byte {
	if r.failed == nil && len(b) > 0 {
		if _, err := r.file.Write(b); err != nil {
			r.failed = err
			r.o.Warn("the trace ends here: " + err.Error())
		}
	}
	return b[:0]
}

// Close writes what was recorded, and closes the file.
func (r *Recorder) Close() error {
	if r == nil {
		return nil
	}
	r.closing.Do(func() {
		r.tap.close()
		close(r.quit)
	})
	<-r.done
	return r.failed
}
