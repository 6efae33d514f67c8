package main

import (
	"errors"
	"fmt"
	"strings"
)

// measure is what must not drift. What it rises by over the second half may be least
// or a share of its mean, whichever is more.
type measure struct {
	name  string
	of    func(sample) float64
	least float64
	share float64
	unit  string
}

var measures = []measure{
	{"memory", func(p sample) float64 { return p.rss }, 2, 0.04, " MB"},
	{"heap", func(p sample) float64 { return p.heap }, 0.5, 0.04, " MB"},
	{"descriptors", func(p sample) float64 { return p.fds }, 1, 0, ""},
	{"goroutines", func(p sample) float64 { return p.goroutines }, 2, 0, ""},
	// The rate itself is also that of whatever else runs on the machine.
	{"CPU a GB", func(p sample) float64 { return p.cost }, 0, 0.25, " s"},
}

// fewest is how many samples the second half needs.
const fewest = 3

// judge looks at the second half of the samples: in the first one buffers fill. By how
// much a measure rises is what the line of least squares through it does.
func judge(all []sample) (verdict string, err error) {
	half := all[len(all)/2:]
	if len(half) < fewest {
		return "", fmt.Errorf("%d samples are too few: %d are needed", len(all), 2*fewest)
	}
	var b strings.Builder
	for _, m := range measures {
		mean, rise := drift(half, m.of)
		limit := max(m.least, m.share*mean)
		fmt.Fprintf(&b, "  %-12s %8.1f%s, %+.2f over the second half\n", m.name, mean, m.unit, rise)
		if rise > limit {
			err = errors.Join(err, fmt.Errorf("%s rises: by %.2f%s over the second half, %.2f are allowed", m.name, rise, m.unit, limit))
		}
	}
	rate, _ := drift(half, func(p sample) float64 { return p.rate })
	if fmt.Fprintf(&b, "  %-12s %8.1f Mb/s\n", "rate", rate); rate == 0 {
		err = errors.Join(err, errors.New("nothing moves"))
	}
	return b.String(), err
}

// drift is the mean of a measure, and how much its line of least squares rises from
// the first sample to the last.
func drift(all []sample, of func(sample) float64) (mean, rise float64) {
	n, meanAt := float64(len(all)), 0.0
	for _, p := range all {
		mean += of(p) / n
		meanAt += p.at.Seconds() / n
	}
	var with, own float64
	for _, p := range all {
		at := p.at.Seconds() - meanAt
		with += at * (of(p) - mean)
		own += at * at
	}
	if own == 0 {
		return mean, 0
	}
	return mean, with / own * (all[len(all)-1].at - all[0].at).Seconds()
}
