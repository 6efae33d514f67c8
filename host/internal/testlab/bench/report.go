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
}

const inNetworkManager = "nm"

var sections = []section{
	{"tls", "BenchmarkTunnel/transport=tls", ofTunnel},
	{"dtls", "BenchmarkTunnel/transport=dtls", ofTunnel},
	{inNetworkManager, "BenchmarkNetworkManager", ofManaged},
}

var ofTunnel = []measure{
	{"down-Mb/s", "TCP down, Mb/s", true},
	{"up-Mb/s", "TCP up, Mb/s", true},
	{"down-cpu-s/GB", "CPU seconds a GB, down", false},
	{"up-cpu-s/GB", "CPU seconds a GB, up", false},
	{"ms-to-ping", "start to first ping, ms", false},
	{"MB", "resident memory, MB", false},
}

var ofManaged = []measure{
	{"login-ms", "up, login included, ms", false},
	{"cookie-ms", "up after the login, ms", false},
	{"down-ms", "down, ms", false},
}

// writeTable compares the medians of two clients.
func writeTable(w io.Writer, results []result, base, other string) {
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintf(table, "\t\t%s\t%s\tratio\t\t\n", base, other)
	for _, s := range sections {
		for _, m := range s.measures {
			a, b := median(results, base, s.name, m.unit), median(results, other, s.name, m.unit)
			if a > 0 {
				fmt.Fprintf(table, "%s\t%s\t%.1f\t%.1f\t%.2f\t%s\t\n", s.name, m.label, a, b, b/a, verdict(m, a, b))
			}
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
func median(results []result, client, section, unit string) float64 {
	var values []float64
	for _, r := range results {
		if r.client == client && r.section == section {
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
	for _, s := range sections {
		for _, r := range results {
			if r.section != s.name {
				continue
			}
			line := fmt.Sprintf("%s/client=%s 1", s.benchmark, r.client)
			for _, m := range s.measures {
				line += fmt.Sprintf(" %.3f %s", r.values[m.unit], m.unit)
			}
			if _, err := fmt.Fprintln(w, line); err != nil {
				return err
			}
		}
	}
	return nil
}
