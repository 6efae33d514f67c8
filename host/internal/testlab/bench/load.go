package main

import (
	"context"
	"encoding/json"
	"fmt"
	"math"
	"time"

	"github.com/penstock-vpn/penstock/host/internal/testlab"
)

// Streams of iperf3 through the tunnel, with what they cost the client and, for one
// stream each way, what they do to the others: pings beside it. After them, single
// packets.

// stream is one load.
type stream struct {
	name  string   // begins the units of what is measured
	args  []string // of iperf3
	costs bool     // CPU is of interest
	pings bool
}

// streams are the loads of a turn, in order.
var streams = []stream{
	{"down", []string{"--reverse"}, true, true},
	{"up", nil, true, true},
	{"down4", []string{"--reverse", "--parallel", "4"}, false, false},
	{"up4", []string{"--parallel", "4"}, false, false},
	{"down16", []string{"--reverse", "--parallel", "16"}, false, false},
	{"up16", []string{"--parallel", "16"}, false, false},
	{"both", []string{"--bidir"}, true, false},
}

// pingEvery is how often a ping goes beside a load.
const pingEvery = 5 * time.Millisecond

// load runs one stream and enters rate, cost and the pings' times.
func (s stream) load(l *testlab.Lab, how time.Duration, into map[string]float64) error {
	var pings *testlab.Pinger
	var err error
	if s.pings {
		if pings, err = l.Client.Ping(testlab.InsideV4, pingEvery); err != nil {
			return err
		}
	}
	before, err := l.Client.Usage(ofClient)
	if err != nil {
		return err
	}
	rate, bytes, err := s.iperf(l, how)
	if err != nil {
		return err
	}
	after, err := l.Client.Usage(ofClient)
	if err != nil {
		return err
	}
	into[s.name+"-Mb/s"] = rate / 1e6
	if s.costs {
		into[s.name+"-cpu-s/GB"] = (after.CPU - before.CPU).Seconds() / (bytes / 1e9)
	}
	if pings != nil {
		pings.Stop()
		into[s.name+"-p50-ms"] = pings.Percentile(0.5).Seconds() * 1000
		into[s.name+"-p99-ms"] = pings.Percentile(0.99).Seconds() * 1000
	}
	return nil
}

// tries of iperf3, whose two ends sometimes do not find each other.
const tries = 3

// iperf returns what arrived, both directions together, in bits a second and bytes. It runs
// for whole seconds: iperf3 takes a part of one for ever.
func (s stream) iperf(l *testlab.Lab, how time.Duration) (rate, bytes float64, err error) {
	args := append([]string{"iperf3", "--client", testlab.InsideV4, "--json", "--time", fmt.Sprint(math.Ceil(how.Seconds()))}, s.args...)
	for range tries {
		// What is wrong stands in the report, too.
		out, failed := l.Client.Run(args...)
		if rate, bytes, err = arrived(out); err == nil {
			return rate, bytes, failed
		}
	}
	return 0, 0, err
}

// arrived reads a report of iperf3.
func arrived(out string) (rate, bytes float64, err error) {
	type sum struct {
		Bytes float64 `json:"bytes"`
		Rate  float64 `json:"bits_per_second"`
	}
	var report struct {
		Error string `json:"error"`
		End   struct {
			Received sum `json:"sum_received"`
			Reverse  sum `json:"sum_received_bidir_reverse"`
		} `json:"end"`
	}
	if err := json.Unmarshal([]byte(out), &report); err != nil {
		return 0, 0, fmt.Errorf("iperf3: %w: %s", err, out)
	}
	r := report.End
	if report.Error != "" || r.Received.Bytes == 0 {
		return 0, 0, fmt.Errorf("iperf3: %v bytes arrived, %s", r.Received.Bytes, report.Error)
	}
	return r.Received.Rate + r.Reverse.Rate, r.Received.Bytes + r.Reverse.Bytes, nil
}

// datagrams is a load of packets of one size.
type datagrams struct {
	direction string
	size      int // of a packet, in bytes; or the tunnel's MTU if that is less
	grouped   bool
}

// packets are the loads of a turn after the streams. What sends each by itself costs more
// than a tunnel does; in groups it costs little.
var packets = []datagrams{
	{"down", 64, false}, {"up", 64, false}, {"down", 64, true}, {"up", 64, true},
	{"down", 512, false}, {"up", 512, false}, {"down", 1400, false}, {"up", 1400, false},
}

func (d datagrams) name() string {
	if d.grouped {
		return fmt.Sprintf("%s%dx%d", d.direction, batch, d.size)
	}
	return fmt.Sprintf("%s%d", d.direction, d.size)
}

// load measures the rate, and what a packet costs the client.
func (d datagrams) load(ctx context.Context, l *testlab.Lab, c *testlab.Connection, how time.Duration, into map[string]float64) error {
	from, source, to, target := l.Client, c.Addresses[0].Addr().String(), l.Gateway, testlab.InsideV4
	if d.direction == "down" {
		from, source, to, target = to, target, from, source
	}
	before, err := l.Client.Usage(ofClient)
	if err != nil {
		return err
	}
	f := flow{size: min(d.size, c.MTU()) - udpHeaders, grouped: d.grouped}
	got, took, err := f.run(ctx, from, source, to, target, how)
	if err != nil {
		return err
	}
	after, err := l.Client.Usage(ofClient)
	if err != nil {
		return err
	}
	into[d.name()+"-kpps"] = float64(got) / took.Seconds() / 1000
	into[d.name()+"-cpu-us"] = (after.CPU - before.CPU).Seconds() * 1e6 / float64(max(got, 1))
	return nil
}
