// Command bench compares penstock with openconnect: in one run, on the same
// machines, against the same ocserv, turn by turn; first by themselves, then as VPNs
// of NetworkManager. It prints medians side by side and every single result in the
// benchmark format that benchstat reads.
//
//	turn.go      a tunnel of one client under load
//	managed.go   up and down in NetworkManager
//	report.go    the table and the lines
package main

import (
	"flag"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/penstock-vpn/penstock/host/internal/testlab"
)

func main() {
	testlab.Init()
	var c course
	flag.IntVar(&c.rounds, "rounds", 5, "how often each client has its turn")
	ups := flag.Int("ups", 9, "how often each client has its turn in NetworkManager")
	flag.DurationVar(&c.load, "load", 5*time.Second, "how long each direction is loaded")
	output := flag.String("o", "", "file for the results in benchmark format; standard output without it")
	flag.Parse()
	if err := bench(c, *ups, *output); err != nil {
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
	managed, err := manage(ups)
	if err != nil {
		return err
	}
	results = append(results, managed...)
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
	clients []testlab.Client
	rounds  int
	load    time.Duration
}

// run builds the lab and gives every client its turns, one after the other.
func (c course) run() ([]result, error) {
	l, err := testlab.New()
	if err != nil {
		return nil, err
	}
	defer l.Close()
	if _, err := l.StartOcserv(testlab.Ocserv{}); err != nil {
		return nil, err
	}
	if _, err := l.Gateway.Start(testlab.Command{Args: []string{"iperf3", "--server", "--bind", testlab.InsideV4}}); err != nil {
		return nil, err
	}
	var all []result
	for round := range c.rounds {
		for _, transport := range []string{"tls", "dtls"} {
			for _, client := range c.clients {
				fmt.Fprintf(os.Stderr, "round %d of %d: %s over %s\n", round+1, c.rounds, client.Name(), transport)
				r, err := c.turn(l, client, transport)
				if err != nil {
					io.WriteString(os.Stderr, l.Client.Logs())
					return nil, fmt.Errorf("%s over %s: %w", client.Name(), transport, err)
				}
				all = append(all, r)
			}
		}
	}
	return all, nil
}
