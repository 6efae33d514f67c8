// Command bench compares penstock with openconnect: in one run, on the same
// machines, against the same gateways, turn by turn; first by themselves, then as
// VPNs of NetworkManager. It prints medians side by side and every single result in
// the benchmark format that benchstat reads.
//
//	gateways.go  what they are measured against
//	turn.go      a tunnel of one client under load:
//	             load.go streams, flow.go datagrams
//	wakeups.go   a tunnel without any
//	rootless.go  streams through penstock as a proxy, beside those through its TUN device
//	managed.go   up and down in NetworkManager
//	report.go    the table and the lines
//	accept.go    a page of them, to keep
//	profile.go   in place of all that: where penstock's time goes
package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"sync"
	"time"

	"github.com/penstock-vpn/penstock/host/internal/testlab"
	"github.com/penstock-vpn/penstock/host/internal/testlab/gpgate"
	"github.com/penstock-vpn/penstock/host/internal/testlab/loadgate"
)

func main() {
	testlab.Init()
	loadgate.Init()
	gpgate.Init()
	var c course
	flag.IntVar(&c.rounds, "rounds", 5, "how often each client has its turn")
	ups := flag.Int("ups", 9, "how often each client has its turn in NetworkManager")
	flag.IntVar(&c.proxied, "proxy", 3, "how often penstock has its turn as a proxy; 0: not at all")
	flag.DurationVar(&c.load, "load", 3*time.Second, "how long a load lasts that is measured in all ways; others are shorter")
	flag.DurationVar(&c.idle, "idle", 10*time.Second, "how long wakeups are counted; 0: not at all")
	against := flag.String("gateway", "ocserv,load,gp,gcm,wireguard", "what the clients are measured against")
	output := flag.String("o", "", "file for the results in benchmark format; standard output without it")
	page := flag.String("accept", "", "file for a page with the results and where they were measured")
	profiles := flag.String("profile", "", "folder for CPU profiles of penstock, in place of measuring")
	flag.Parse()
	chosen, err := choose(*against)
	switch {
	case err != nil:
	case *profiles != "":
		err = profile(*profiles, chosen, c.load)
	default:
		c.gateways = chosen
		err = bench(c, *ups, *output, *page)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

func bench(c course, ups int, output, page string) error {
	penstock, err := testlab.FindPenstock()
	if err != nil {
		return err
	}
	c.clients = []testlab.Client{testlab.Openconnect{}, penstock}
	results, err := c.run()
	if err != nil {
		return err
	}
	if ups > 0 {
		managed, err := manage(ups)
		if err != nil {
			return err
		}
		results = append(results, managed...)
	}
	proxied, err := c.compareProxy(penstock)
	if err != nil {
		return err
	}
	results = append(results, proxied...)
	fmt.Println()
	writeTable(os.Stdout, results, c.clients[0].Name(), c.clients[1].Name())
	fmt.Println()
	writeTable(os.Stdout, results, byDevice, byProxy)
	if page != "" {
		if err := accept(page, results, c.clients[0].Name(), c.clients[1].Name()); err != nil {
			return err
		}
	}
	if output == "" {
		fmt.Println()
		return writeResults(os.Stdout, results)
	}
	f, err := os.Create(output)
	if err != nil {
		return err
	}
	defer f.Close()
	return writeResults(f, results)
}

// course is the plan of a run.
type course struct {
	gateways   []gateway
	clients    []testlab.Client
	rounds     int
	proxied    int
	load, idle time.Duration
}

// run gives every client its turns, one after the other.
func (c course) run() ([]result, error) {
	var fields []field
	for _, g := range c.gateways {
		f, err := newField(g)
		if err != nil {
			return nil, err
		}
		defer f.Close()
		fields = append(fields, f)
	}
	var all []result
	for round := range c.rounds {
		for _, f := range fields {
			fmt.Fprintf(os.Stderr, "round %d of %d against %s\n", round+1, c.rounds, f.name)
			results, err := c.round(f, c.turn)
			if err != nil {
				return nil, err
			}
			all = append(all, results...)
		}
		fmt.Fprintf(os.Stderr, "round %d of %d without a load\n", round+1, c.rounds)
		results, err := c.quiet(fields)
		if err != nil {
			return nil, err
		}
		all = append(all, results...)
	}
	return all, nil
}

// turn is what one client does over one transport.
type turn func(f field, client testlab.Client, transport string) (result, error)

// round gives every client of a field one turn for each transport.
func (c course) round(f field, t turn) (all []result, err error) {
	for _, transport := range f.transports {
		for _, client := range f.clients(c.clients) {
			r, err := t(f, client, transport)
			if err != nil {
				io.WriteString(os.Stderr, f.Logs())
				return nil, fmt.Errorf("%s over %s: %w", client.Name(), f.section(transport), err)
			}
			all = append(all, r)
		}
	}
	return all, nil
}

// quiet is a round without a load: the fields do not disturb each other, and have it at
// the same time.
func (c course) quiet(fields []field) (all []result, err error) {
	if c.idle == 0 {
		return nil, nil
	}
	var mu sync.Mutex
	var group sync.WaitGroup
	for _, f := range fields {
		group.Go(func() {
			results, failed := c.round(f, c.wait)
			mu.Lock()
			defer mu.Unlock()
			all, err = append(all, results...), errors.Join(err, failed)
		})
	}
	group.Wait()
	return all, err
}
