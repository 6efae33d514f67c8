package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"syscall"
	"time"

	"github.com/penstock-vpn/penstock/host/internal/testlab"
)

// patience is how long anything but the load may take.
const patience = 30 * time.Second

// result is what one turn measured.
type result struct {
	client, section string
	values          map[string]float64 // by the units of the section's measures
}

// turn connects, measures and disconnects once.
func (c course) turn(l *testlab.Lab, client testlab.Client, transport string) (r result, err error) {
	ctx, cancel := context.WithTimeout(context.Background(), patience+3*c.load)
	defer cancel()
	r = result{client.Name(), transport, map[string]float64{}}
	meter, err := l.Client.NewMeter(443)
	if err != nil {
		return r, err
	}
	defer func() { err = errors.Join(err, meter.Close()) }()
	conn, took, err := connect(ctx, l, client, transport)
	if err != nil {
		return r, err
	}
	defer func() {
		_, stopped := conn.Stop(syscall.SIGINT, patience)
		err = errors.Join(err, stopped)
	}()
	r.values["ms-to-ping"] = took.Seconds() * 1000
	if err := onto(ctx, l, meter, transport); err != nil {
		return r, err
	}
	for _, direction := range []string{"down", "up"} {
		if err := c.measure(l, direction, r.values); err != nil {
			return r, err
		}
	}
	used, err := l.Client.Usage(ofClient)
	r.values["MB"] = float64(used.Memory) / 1e6
	return r, err
}

// connect returns the time from the client's start to the first answer from inside.
func connect(ctx context.Context, l *testlab.Lab, client testlab.Client, transport string) (*testlab.Connection, time.Duration, error) {
	spec := testlab.Spec{Username: testlab.User, Answers: []string{testlab.Password}, NoDTLS: transport == "tls"}
	pings, err := l.Client.Ping(testlab.InsideV4, time.Millisecond)
	if err != nil {
		return nil, 0, err
	}
	start := time.Now()
	conn, err := l.Launch(client, spec)
	if err != nil {
		pings.Stop()
		return nil, 0, err
	}
	select {
	case <-pings.Answered():
	case <-conn.Done():
		err = fmt.Errorf("the client ended: %s", conn.Tail(20))
	case <-ctx.Done():
		err = ctx.Err()
	}
	took := time.Since(start)
	go pings.Stop()
	if err == nil {
		err = conn.WaitUp(ctx)
	}
	return conn, took, err
}

// onto moves a little data until it goes by the transport that is to be measured.
func onto(ctx context.Context, l *testlab.Lab, meter testlab.Meter, transport string) error {
	store, err := l.OpenStore(testlab.InsideV4)
	if err != nil {
		return err
	}
	defer store.Close()
	for ctx.Err() == nil {
		before, err := meter.Read()
		if err != nil {
			return err
		}
		if _, err := store.Download(ctx, 500_000); err != nil {
			return err
		}
		after, err := meter.Read()
		if err != nil {
			return err
		}
		if udp := after.UDP-before.UDP > after.TCP-before.TCP; udp == (transport == "dtls") {
			return nil
		}
	}
	return fmt.Errorf("the traffic did not move to %s", transport)
}

// measure loads one direction with a TCP stream and enters rate and cost.
func (c course) measure(l *testlab.Lab, direction string, into map[string]float64) error {
	before, err := l.Client.Usage(ofClient)
	if err != nil {
		return err
	}
	args := []string{"iperf3", "--client", testlab.InsideV4, "--json", "--time", fmt.Sprint(c.load.Seconds())}
	if direction == "down" {
		args = append(args, "--reverse")
	}
	out, err := l.Client.Run(args...)
	if err != nil {
		return err
	}
	var report struct {
		End struct {
			Received struct {
				Bytes float64 `json:"bytes"`
				Rate  float64 `json:"bits_per_second"`
			} `json:"sum_received"`
		} `json:"end"`
	}
	if err := json.Unmarshal([]byte(out), &report); err != nil {
		return fmt.Errorf("iperf3: %w", err)
	}
	after, err := l.Client.Usage(ofClient)
	if err != nil {
		return err
	}
	into[direction+"-Mb/s"] = report.End.Received.Rate / 1e6
	into[direction+"-cpu-s/GB"] = (after.CPU - before.CPU).Seconds() / (report.End.Received.Bytes / 1e9)
	return nil
}

// ofClient leaves out what measures.
func ofClient(p testlab.Program) bool { return !strings.HasPrefix(p.Command, "iperf3") }
