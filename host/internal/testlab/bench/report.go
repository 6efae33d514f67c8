package main

import (
	"fmt"
	"io"
	"math"
	"slices"
	"text/tabwriter"
)

// measure is a column of the results.
type measure struct {
	unit, label string
	more        bool // more is better
}

// section is a part of the table: what is measured in the same way.
type section struct {
	name, benchmark string
	measures        []measure
	alone           bool // the yardstick has nothing to do with it
}

const inNetworkManager = "nm"

// sections are those of the gateways, of the proxy, and NetworkManager's.
var sections = func() (all []section) {
	for _, g := range gateways {
		for _, transport := range g.transports {
			all = append(all, section{g.section(transport), "BenchmarkTunnel/gateway=" + g.name + "/transport=" + transport, ofTunnel, false})
		}
	}
	for _, transport := range []string{"tls", "dtls"} {
		all = append(all, section{overProxy(transport), "BenchmarkProxy/transport=" + transport, ofProxy, true})
	}
	return append(all, section{inNetworkManager, "BenchmarkNetworkManager", ofManaged, true})
}()

var ofTunnel = []measure{
	{"down-Mb/s", "TCP down, Mb/s", true},
	{"up-Mb/s", "TCP up, Mb/s", true},
	{"down4-Mb/s", "4 streams down, Mb/s", true},
	{"up4-Mb/s", "4 streams up, Mb/s", true},
	{"down16-Mb/s", "16 streams down, Mb/s", true},
	{"up16-Mb/s", "16 streams up, Mb/s", true},
	{"both-Mb/s", "both ways at once, Mb/s", true},
	{"down-cpu-s/GB", "CPU seconds a GB, down", false},
	{"up-cpu-s/GB", "CPU seconds a GB, up", false},
	{"both-cpu-s/GB", "CPU seconds a GB, both", false},
	{"down64-kpps", "64-byte packets down, 1000/s", true},
	{"up64-kpps", "64-byte packets up, 1000/s", true},
	{"down32x64-kpps", "64-byte packets in groups down, 1000/s", true},
	{"up32x64-kpps", "64-byte packets in groups up, 1000/s", true},
	{"down512-kpps", "512-byte packets down, 1000/s", true},
	{"up512-kpps", "512-byte packets up, 1000/s", true},
	{"down1400-kpps", "1400-byte packets down, 1000/s", true},
	{"up1400-kpps", "1400-byte packets up, 1000/s", true},
	{"down64-cpu-us", "CPU a 64-byte packet down, us", false},
	{"up64-cpu-us", "CPU a 64-byte packet up, us", false},
	{"down-p50-ms", "ping beside TCP down, median, ms", false},
	{"down-p99-ms", "ping beside TCP down, p99, ms", false},
	{"up-p50-ms", "ping beside TCP up, median, ms", false},
	{"up-p99-ms", "ping beside TCP up, p99, ms", false},
	{"ms-to-ping", "start to first ping, ms", false},
	{"wakeups/s", "wakeups a second, idle", false},
	{"MB", "resident memory, MB", false},
}

var ofManaged = []measure{
	{"login-ms", "up, login included, ms", false},
	{"cookie-ms", "up after the login, ms", false},
	{"down-ms", "down, ms", false},
}

// writeTable compares the medians of two clients, with the yardstick's beside them.
func writeTable(w io.Writer, results []result, base, other string) {
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintf(table, "\t\t%s\t%s\tratio\t\t%s\tratio\t\n", base, other, yardstick.Name())
	for _, s := range sections {
		for _, m := range s.measures {
			a, okA := median(results, base, s.name, m.unit)
			b, okB := median(results, other, s.name, m.unit)
			switch {
			case okA && okB:
				fmt.Fprintf(table, "%s\t%s\t%s\t%s\t%s\t%s\t%s\t\n", s.name, m.label, number(a), number(b), ratio(a, b), verdict(m, a, b), beside(results, s, m, b))
			case okB:
				fmt.Fprintf(table, "%s\t%s\t-\t%s\t\t\t%s\t\n", s.name, m.label, number(b), beside(results, s, m, b))
			}
		}
	}
	table.Flush()
}

// beside is what the yardstick has, and how value compares; two empty cells where there
// is nothing.
func beside(results []result, s section, m measure, value float64) string {
	if s.alone {
		return "\t"
	}
	y, ok := median(results, yardstick.Name(), besideThem, m.unit)
	if !ok {
		return "\t"
	}
	return number(y) + "\t" + ratio(y, value)
}

func number(v float64) string {
	if v < 10 {
		return fmt.Sprintf("%.2f", v)
	}
	return fmt.Sprintf("%.1f", v)
}

func ratio(base, other float64) string {
	if base == 0 {
		return "-"
	}
	return fmt.Sprintf("%.2f", other/base)
}

// noise is how far apart medians of equal clients may lie.
const noise = 0.03

func verdict(m measure, base, other float64) string {
	switch {
	case math.Abs(other-base) <= noise*base:
		return "same"
	case (other > base) == m.more:
		return "better"
	default:
		return "worse"
	}
}

// median of one measure over a client's turns; ok is false without any.
func median(results []result, client, section, unit string) (value float64, ok bool) {
	var values []float64
	for _, r := range results {
		if v, measured := r.values[unit]; measured && r.client == client && r.section == section {
			values = append(values, v)
		}
	}
	slices.Sort(values)
	n := len(values)
	if n == 0 {
		return 0, false
	}
	return (values[n/2] + values[(n-1)/2]) / 2, true
}

// writeResults writes every turn as a line for `benchstat -col /client`.
func writeResults(w io.Writer, results []result) error {
	for _, s := range sections {
		for _, r := range results {
			if r.section != s.name {
				continue
			}
			line := fmt.Sprintf("%s/client=%s 1", s.benchmark, r.client)
			for _, m := range s.measures {
				if v, measured := r.values[m.unit]; measured {
					line += fmt.Sprintf(" %.3f %s", v, m.unit)
				}
			}
			if _, err := fmt.Fprintln(w, line); err != nil {
				return err
			}
		}
	}
	return nil
}
