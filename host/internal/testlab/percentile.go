package testlab

import (
	"math"
	"slices"
	"time"
)

// Percentile is the time within which that share of the requests, up to 1, was
// answered. One without an answer counts as lastAnswer. It is for after Stop.
func (p *Pinger) Percentile(share float64) time.Duration {
	p.mu.Lock()
	defer p.mu.Unlock()
	back := slices.Clone(p.back)
	if len(back) == 0 {
		return 0
	}
	for i, rtt := range back {
		if rtt == 0 {
			back[i] = lastAnswer
		}
	}
	slices.Sort(back)
	rank := int(math.Ceil(share * float64(len(back)))) // from 1
	return back[max(rank, 1)-1]
}
