package main

import (
	"math"
	"math/rand/v2"
	"strings"
	"testing"
	"time"
)

// soaked is samples of which one measure goes as it is told.
func soaked(n int, change func(at float64, p *sample)) []sample {
	random := rand.New(rand.NewPCG(1, 2))
	var all []sample
	for i := range n {
		p := sample{at: time.Duration(i) * 10 * time.Second, rss: 60 + random.Float64(), heap: 20 + random.Float64()/10, fds: 20, goroutines: 30, rate: 1000 + 100*random.Float64(), cost: 3 + random.Float64()/2}
		change(float64(i)/float64(n), &p)
		all = append(all, p)
	}
	return all
}

func TestJudge(t *testing.T) {
	for name, c := range map[string]struct {
		want   string // in the error
		change func(at float64, p *sample)
	}{
		"flat":                   {"", func(float64, *sample) {}},
		"filling, then flat":     {"", func(at float64, p *sample) { p.rss += 40 * min(at, 0.4) }},
		"a leak of memory":       {"memory rises", func(at float64, p *sample) { p.rss += 10 * at }},
		"a leak of heap":         {"heap rises", func(at float64, p *sample) { p.heap += 4 * at }},
		"a leak of descriptors":  {"descriptors rises", func(at float64, p *sample) { p.fds += math.Floor(5 * at) }},
		"a leak of goroutines":   {"goroutines rises", func(at float64, p *sample) { p.goroutines += math.Floor(9 * at) }},
		"ever more work":         {"CPU a GB rises", func(at float64, p *sample) { p.cost *= 1 + 2*at }},
		"ever less work":         {"", func(at float64, p *sample) { p.cost *= 2 - at }},
		"others run, too":        {"", func(at float64, p *sample) { p.rate *= 1.5 - at }},
		"nothing moves":          {"nothing moves", func(_ float64, p *sample) { p.rate = 0 }},
		"one more for a moment":  {"", func(at float64, p *sample) { p.goroutines += math.Floor(1.02 - math.Abs(at-0.7)) }},
		"less memory in the end": {"", func(at float64, p *sample) { p.rss -= 10 * at }},
	} {
		verdict, err := judge(soaked(60, c.change))
		switch {
		case c.want == "" && err != nil:
			t.Errorf("%s: %v\n%s", name, err, verdict)
		case c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)):
			t.Errorf("%s: %v, want %q\n%s", name, err, c.want, verdict)
		}
	}
	if _, err := judge(soaked(4, func(float64, *sample) {})); err == nil {
		t.Error("judged by two samples")
	}
}

func TestDriftIsTheSlope(t *testing.T) {
	all := soaked(11, func(at float64, p *sample) { p.rss = 100 + 11*at })
	if mean, rise := drift(all, func(p sample) float64 { return p.rss }); math.Abs(mean-105) > 1e-9 || math.Abs(rise-10) > 1e-9 {
		t.Errorf("mean %v, rise %v", mean, rise)
	}
}
