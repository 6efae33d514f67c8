package main

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/penstock-vpn/penstock/host/internal/testlab"
)

// Streams of iperf3 through the tunnel, with what they cost the client and, for one
// stream each way, what they do to the others: pings beside it.

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
const pingEvery = 10 * time.Millisecond

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

// iperf returns what arrived, both directions together, in bits a second and bytes.
func (s stream) iperf(l *testlab.Lab, how time.Duration) (rate, bytes float64, err error) {
	args := append([]string{"iperf3", "--client", testlab.InsideV4, "--json", "--time", fmt.Sprint(how.Seconds())}, s.args...)
	out, err := l.Client.Run(args...)
	if err != nil {
		return 0, 0, err
	}
	type sum struct {
		Bytes float64 `json:"bytes"`
		Rate  float64 `json:"bits_per_second"`
	}
	var report struct {
		End struct {
			Received sum `json:"sum_received"`
			Reverse  sum `json:"sum_received_bidir_reverse"`
		} `json:"end"`
	}
	if err := json.Unmarshal([]byte(out), &report); err != nil {
		return 0, 0, fmt.Errorf("iperf3: %w", err)
	}
	r := report.End
	return r.Received.Rate + r.Reverse.Rate, r.Received.Bytes + r.Reverse.Bytes, nil
}

// datagrams measures rates of datagrams of each size, both directions, and what one
// costs the client.
func datagrams(ctx context.Context, l *testlab.Lab, c *testlab.Connection, how time.Duration, into map[string]float64) error {
	inside := c.Addresses[0].Addr().String()
	for _, size := range []int{64, 512, 1400} {
		for _, d := range []struct {
			name     string
			from, to *testlab.Machine
			target   string
			source   string
		}{
			{"down", l.Gateway, l.Client, inside, testlab.InsideV4},
			{"up", l.Client, l.Gateway, testlab.InsideV4, inside},
		} {
			before, err := l.Client.Usage(ofClient)
			if err != nil {
				return err
			}
			f := flow{size: min(size, c.MTU()) - udpHeaders}
			got, took, err := f.run(ctx, d.from, d.source, d.to, d.target, how)
			if err != nil {
				return fmt.Errorf("datagrams of %d bytes %s: %w", size, d.name, err)
			}
			after, err := l.Client.Usage(ofClient)
			if err != nil {
				return err
			}
			into[fmt.Sprintf("%s%d-kpps", d.name, size)] = float64(got) / took.Seconds() / 1000
			into[fmt.Sprintf("%s%d-cpu-us", d.name, size)] = (after.CPU - before.CPU).Seconds() * 1e6 / float64(max(got, 1))
		}
	}
	return nil
}
