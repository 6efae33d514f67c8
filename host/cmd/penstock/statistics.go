package main

import (
	"context"

	"github.com/penstock-vpn/penstock/host/internal/control"
)

func (a *app) statistics(ctx context.Context, name string) {
	for _, dir := range a.controlDirs() {
		if s, err := control.Query(ctx, dir, name); err == nil {
			a.out.say("%s: received %s in %d packets, sent %s in %d packets%s", s.State, size(s.RxBytes), s.RxPackets, size(s.TxBytes), s.TxPackets, through(s))
			return
		}
	}
}
