// Command soak keeps tunnels at full rate in both directions for a long time and
// watches what the process holds: memory, descriptors, goroutines. What rises over the
// second half of a leg is a leak, and the exit status is 1.
//
//	soak -for 8m                each leg for eight minutes
//	soak -legs dtls -for 1m
//
//	main.go     the legs, one after another
//	lab.go      tls, dtls, gp: the built program against the load gateway, and over ESP
//	            against the GlobalProtect gateway
//	esp.go      esp: two data planes in a process of their own, keyed anew all the time
//	pair.go     two data planes, joined over loopback
//	sample.go   what a process holds
//	judge.go    whether that rises
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"

	"github.com/penstock-vpn/penstock/host/internal/testlab"
	"github.com/penstock-vpn/penstock/host/internal/testlab/gpgate"
	"github.com/penstock-vpn/penstock/host/internal/testlab/loadgate"
)

// course is how long to look and how often.
type course struct {
	lasting, every time.Duration
}

// leg brings traffic up and hands what is watched to watch, which returns when it has
// seen enough.
type leg func(ctx context.Context, watch func(context.Context, subject) error) error

var legs = map[string]leg{"tls": anyConnect("tls"), "dtls": anyConnect("dtls"), "gp": globalProtect(), "esp": overESP}

func main() {
	testlab.Init()
	loadgate.Init()
	gpgate.Init()
	espInit()
	var c course
	flag.DurationVar(&c.lasting, "for", 10*time.Minute, "how long each leg lasts")
	flag.DurationVar(&c.every, "every", 10*time.Second, "how often to look")
	chosen := flag.String("legs", "tls,dtls,gp,esp", "what to run")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := c.run(ctx, strings.Split(*chosen, ",")); err != nil {
		fmt.Fprintln(os.Stderr, "soak:", err)
		os.Exit(1)
	}
}

// run runs all legs, also after one that failed.
func (c course) run(ctx context.Context, chosen []string) error {
	var failed error
	for _, name := range chosen {
		l := legs[name]
		if l == nil {
			return fmt.Errorf("there is no leg %q: tls, dtls, gp and esp are there", name)
		}
		if ctx.Err() != nil {
			return errors.Join(failed, errors.New("interrupted"))
		}
		err := l(ctx, func(ctx context.Context, s subject) error { return c.watch(ctx, name, s) })
		if err != nil {
			failed = errors.Join(failed, fmt.Errorf("%s: %w", name, err))
		}
	}
	return failed
}

// watch samples s for as long as the course lasts, and judges.
func (c course) watch(ctx context.Context, name string, s subject) error {
	fmt.Printf("%s: %v at full rate both ways\n%s", name, c.lasting, heading)
	samples, err := s.samples(ctx, c.lasting, c.every, func(p sample) { fmt.Print(p) })
	if err != nil {
		return err
	}
	verdict, err := judge(samples)
	fmt.Print(verdict)
	return err
}
