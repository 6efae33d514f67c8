package main

import (
	"context"
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
func (c course) turn(f field, client testlab.Client, transport string) (r result, err error) {
	ctx, cancel := context.WithTimeout(context.Background(), patience+2*time.Duration(len(streams)+len(packets))*c.load)
	defer cancel()
	r = result{client.Name(), f.section(transport), map[string]float64{}}
	conn, took, err := up(ctx, f, client, f.spec(transport))
	if err != nil {
		return r, err
	}
	defer func() {
		_, stopped := conn.Stop(syscall.SIGINT, patience)
		err = errors.Join(err, stopped)
	}()
	r.values["ms-to-ping"] = took.Seconds() * 1000
	return r, c.measure(ctx, f, conn, r.values)
}

// measure puts every load on a client's tunnel.
func (c course) measure(ctx context.Context, f field, conn *testlab.Connection, into map[string]float64) error {
	for _, s := range streams {
		how := c.load
		if !s.pings {
			how = how * 2 / 3
		}
		if err := s.load(f.Lab, how, into); err != nil {
			return fmt.Errorf("%s: %w", s.name, err)
		}
	}
	for _, d := range packets {
		if err := d.load(ctx, f.Lab, conn, c.load/3, into); err != nil {
			return fmt.Errorf("packets, %s: %w", d.name(), err)
		}
	}
	used, err := f.Client.Usage(ofClient)
	if err != nil {
		return err
	}
	into["MB"] = float64(used.Memory) / 1e6
	return nil
}

// up connects, waits until data goes over the transport that is wanted, and returns
// the time from the client's start to the first answer from inside.
func up(ctx context.Context, f field, client testlab.Client, spec testlab.Spec) (conn *testlab.Connection, took time.Duration, err error) {
	meter, err := f.Client.NewMeter(f.port)
	if err != nil {
		return nil, 0, err
	}
	defer func() { err = errors.Join(err, meter.Close()) }()
	conn, took, err = connect(ctx, f.Lab, client, spec)
	if err != nil {
		return conn, took, err
	}
	return conn, took, onto(ctx, f.Lab, meter, !spec.NoDTLS)
}

// connect returns the time from the client's start to the first answer from inside.
func connect(ctx context.Context, l *testlab.Lab, client testlab.Client, spec testlab.Spec) (*testlab.Connection, time.Duration, error) {
	spec.Username, spec.Answers = testlab.User, []string{testlab.Password}
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

// onto moves a little data until it goes by datagrams, or by a stream.
func onto(ctx context.Context, l *testlab.Lab, meter testlab.Meter, datagrams bool) error {
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
		if udp := after.UDP-before.UDP > after.TCP-before.TCP; udp == datagrams {
			return nil
		}
	}
	return fmt.Errorf("the traffic did not move to what was wanted, datagrams: %t", datagrams)
}

// ofClient leaves out what measures.
func ofClient(p testlab.Program) bool { return !strings.HasPrefix(p.Command, "iperf3") }
