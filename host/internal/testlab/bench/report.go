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

var measures = []measure{
	{"down-Mb/s", "TCP down, Mb/s", true},
	{"up-Mb/s", "TCP up, Mb/s", true},
	{"down-cpu-s/GB", "CPU seconds a GB, down", false},
	{"up-cpu-s/GB", "CPU seconds a GB, up", false},
	{"ms-to-ping", "start to first ping, ms", false},
	{"MB", "resident memory, MB", false},
}

// writeTable compares the medians of two clients.
func writeTable(w io.Writer, results []result, base, other string) {
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintf(table, "\t\t%s\t%s\tratio\t\t\n", base, other)
	for _, transport := range []string{"tls", "dtls"} {
		for _, m := range measures {
			a, b := median(results, base, transport, m.unit), median(results, other, transport, m.unit)
			fmt.Fprintf(table, "%s\t%s\t%.1f\t%.1f\t%.2f\t%s\t\n", transport, m.label, a, b, b/a, verdict(m, a, b))
		}
	}
	table.Flush()
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

// median of one measure over a client's turns; 0 without any.
func median(results []result, client, transport, unit string) float64 {
	var values []float64
	for _, r := range results {
		if r.client == client && r.transport == transport {
			values = append(values, r.values[unit])
		}
	}
	slices.Sort(values)
	n := len(values)
	if n == 0 {
		return 0
	}
	return (values[n/2] + values[(n-1)/2]) / 2
}

// writeResults writes every turn as a line for `benchstat -col /client`.
func writeResults(w io.Writer, results []result) error {
	for _, r := range results {
		line := fmt.Sprintf("BenchmarkTunnel/transport=%s/client=%s 1", r.transport, r.client)
		for _, m := range measures {
			line += fmt.Sprintf(" %.3f %s", r.values[m.unit], m.unit)
		}
		if _, err := fmt.Fprintln(w, line); err != nil {
			return err
		}
	}
	return nil
}
