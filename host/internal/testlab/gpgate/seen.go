package gpgate

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"sync"
	"time"

	"github.com/penstock-vpn/penstock/host/internal/testlab"
)

// Event is something that the gateway saw.
type Event struct {
	Kind    string
	At      time.Time
	Path    string            `json:",omitempty"` // of a request
	Agent   string            `json:",omitempty"` // User-Agent of a request
	Fields  map[string]string `json:",omitempty"` // of a request
	User    string            `json:",omitempty"`
	Session int               `json:",omitempty"` // from 1
	Note    string            `json:",omitempty"`
}

// The kinds of events.
const (
	Request   = "request"   // every one, with all its fields
	Refused   = "refused"   // a login or a session; Note says why
	Login     = "login"     // a session began
	Keys      = "keys"      // getconfig gave new ones; Note: the suite
	Started   = "start"     // a TLS tunnel
	Stopped   = "stop"      // the TLS tunnel ended; Note says why
	Bound     = "esp"       // authentic ESP from an address for the first time; Note: the address
	Probe     = "probe"     // a magic ping; Note: "IPv4 seq 1", "IPv6 seq 1"
	Stray     = "stray"     // ESP of no SPI that is good now; Note: the SPI
	Keepalive = "keepalive" // in the TLS tunnel; Note: "asked" or "answered"
	Storm     = "storm"     // more keepalives than sense
	Breach    = "breach"    // the client broke the protocol; Note says how
	Played    = "played"    // the protocol was broken, or an Edit made
	Unfound   = "unfound"   // an Edit had nothing to edit
	Report    = "report"    // HIP; Note: the report
	Logout    = "logout"    // a session ended by its client
	End       = "end"       // a session ended otherwise; Note says how
)

// journal writes events down, a line each.
type journal struct {
	mu  sync.Mutex
	out io.Writer
}

func (j *journal) add(e Event) {
	e.At = time.Now()
	line, err := json.Marshal(e)
	if err != nil {
		panic(err) // a struct of strings
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	fmt.Fprintf(j.out, "%s\n", line)
}

// Seen returns the events of these kinds so far, or all.
func (g *Gate) Seen(kinds ...string) []Event {
	var all []Event
	for line := range strings.Lines(g.Stdout()) {
		var e Event
		if !strings.HasSuffix(line, "\n") || json.Unmarshal([]byte(line), &e) != nil {
			continue // being written
		}
		for _, k := range kinds {
			if e.Kind == k {
				all = append(all, e)
			}
		}
		if len(kinds) == 0 {
			all = append(all, e)
		}
	}
	return all
}

// Asked returns the requests for a path so far.
func (g *Gate) Asked(path string) []Event {
	var all []Event
	for _, e := range g.Seen(Request) {
		if e.Path == path {
			all = append(all, e)
		}
	}
	return all
}

// Await waits until there are that many events of a kind, and returns the last of them.
func (g *Gate) Await(ctx context.Context, kind string, count int) (e Event, err error) {
	err = testlab.Await(ctx, fmt.Sprintf("event %q, %d of them", kind, count), func() bool {
		all := g.Seen(kind)
		if len(all) < count {
			return false
		}
		e = all[count-1]
		return true
	})
	return e, err
}
