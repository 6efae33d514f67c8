// Command bench compares penstock with openconnect: in one run, on the same
// machines, against the same gateways, turn by turn; first by themselves, then as
// VPNs of NetworkManager. It prints medians side by side and every single result in
// the benchmark format that benchstat reads.
//
//	gateways.go  what they are measured against
//	turn.go      a tunnel of one client under load:
//	             load.go streams, flow.go datagrams, wakeups.go none at all
//	managed.go   up and down in NetworkManager
//	report.go    the table and the lines
//	profile.go   in place of all that: where penstock's time goes
package main

import (
	"flag"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/penstock-vpn/penstock/host/internal/testlab"
	"github.com/penstock-vpn/penstock/host/internal/testlab/loadgate"
)

func main() {
	testlab.Init()
	loadgate.Init()
	var c course
	flag.IntVar(&c.rounds, "rounds", 5, "how often each client has its turn")
	ups := flag.Int("ups", 9, "how often each client has its turn in NetworkManager")
	flag.DurationVar(&c.load, "load", 5*time.Second, "how long each load lasts")
	flag.DurationVar(&c.idle, "idle", 10*time.Second, "how long wakeups are counted; 0: not at all")
	against := flag.String("gateway", "ocserv,load,wireguard", "what the clients are measured against")
	output := flag.String("o", "", "file for the results in benchmark format; standard output without it")
	profiles := flag.String("profile", "", "folder for CPU profiles of penstock, in place of measuring")
	flag.Parse()
	chosen, err := choose(*against)
	switch {
	case err != nil:
	case *profiles != "":
		err = profile(*profiles, chosen, c.load)
	default:
		c.gateways = chosen
		err = bench(c, *ups, *output)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

func bench(c course, ups int, output string) error {
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
	fmt.Println()
	writeTable(os.Stdout, results, c.clients[0].Name(), c.clients[1].Name())
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
			results, err := c.round(f)
			if err != nil {
				io.WriteString(os.Stderr, f.Logs())
				return nil, err
			}
			all = append(all, results...)
		}
	}
	return all, nil
}

// round gives every client of a field one turn for each transport.
func (c course) round(f field) (all []result, err error) {
	clients := c.clients
	if f.alone != nil {
		clients = []testlab.Client{f.alone}
	}
	for _, transport := range f.transports {
		for _, client := range clients {
			r, err := c.turn(f, client, transport)
			if err != nil {
				return nil, fmt.Errorf("%s over %s: %w", client.Name(), transport, err)
			}
			all = append(all, r)
		}
	}
	return all, nil
}
