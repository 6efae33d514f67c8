package main

import (
	"context"
	"log/slog"
	"os"
	"os/signal"
	"strings"

	"github.com/spf13/cobra"
	"golang.org/x/sys/unix"

	"github.com/penstock-vpn/penstock/host"
	"github.com/penstock-vpn/penstock/host/foreign"
	"github.com/penstock-vpn/penstock/nm"
	"github.com/penstock-vpn/penstock/sdk/option"
)

// nmServiceName is the program of the .name file; NetworkManager adds --bus-name and
// nothing else.
const nmServiceName = "nm-penstock-service"

func (a *app) nmServiceCommand() *cobra.Command {
	var name string
	c := &cobra.Command{
		Use:   "nm-service --bus-name NAME",
		Short: "Serve one VPN connection of NetworkManager, which starts this",
		Args:  wantArgs(0, 0),
		RunE:  func(c *cobra.Command, _ []string) error { return a.nmService(c.Context(), name) },
	}
	c.Flags().StringVar(&name, "bus-name", nm.ServiceName, "own this `NAME` on the system bus")
	return c
}

func (a *app) nmService(ctx context.Context, busName string) error {
	service, _, _ := strings.Cut(busName, ".Connection_") // what NetworkManager puts behind it
	if service != nm.ServiceName && !foreign.IsService(service) {
		return usage("the bus name is none of ours", "it is "+nm.ServiceName+", or a service that `penstock takeover list` knows, and may have .Connection_N behind it")
	}
	a.logForNetworkManager()
	host.Warm()
	ctx, stop := signal.NotifyContext(ctx, unix.SIGINT, unix.SIGTERM, unix.SIGHUP)
	defer stop()
	return nm.Serve(ctx, nm.Options{
		BusName: busName, Log: slog.New(a.out), Hold: a.hold, Warm: host.WarmFor,
		Schema: func(protocol string) (option.Schema, error) { return host.Schema(protocol, nil) },
	})
}

// logForNetworkManager logs as much as NetworkManager does, and where it does:
// NM_VPN_LOG_LEVEL is a level of syslog, one above that of NetworkManager's own words.
// It is 0 where nobody has chosen a level for VPN services.
func (a *app) logForNetworkManager() {
	switch os.Getenv("NM_VPN_LOG_LEVEL") {
	case "7", "6":
		a.out.level.Set(slog.LevelDebug)
	case "4":
		a.out.level.Set(slog.LevelWarn)
	case "3":
		a.out.level.Set(slog.LevelError)
	}
	if os.Getenv("NM_VPN_LOG_SYSLOG") == "1" {
		a.out.background()
	}
}
