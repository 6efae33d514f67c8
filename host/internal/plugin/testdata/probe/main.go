// Command probe is a plugin for tests: its first argument says how it behaves.
package main

import (
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/penstock-vpn/penstock/sdk"
)

func main() {
	behaviour := "report"
	if len(os.Args) > 1 && os.Args[1] != "--manifest" {
		behaviour = os.Args[1]
	}
	switch behaviour {
	case "garbage":
		fmt.Println("\x1b[31mhello, this is no handshake")
		forever()
	case "endless":
		for {
			fmt.Print(strings.Repeat("x", 4096))
		}
	case "exit":
		fmt.Fprintln(os.Stderr, "I have a headache")
		os.Exit(3)
	case "hang":
		forever()
	case "elsewhere":
		fmt.Println("1|1|unix|/run/dbus/system_bus_socket|grpc|")
		forever()
	case "tcp":
		fmt.Println("1|1|tcp|127.0.0.1:22|grpc|")
		forever()
	case "link":
		_ = os.Symlink("/dev/null", "/run/penstock/link")
		fmt.Println("1|1|unix|/run/penstock/link|grpc|")
		forever()
	case "old":
		fmt.Println("1|99|unix|/run/penstock/old|grpc|")
		forever()
	case "flood":
		go func() {
			for i := 0; ; i++ {
				fmt.Fprintln(os.Stderr, i, strings.Repeat("spam ", 1000))
			}
		}()
	case "raw":
		serveRaw(os.Args[2])
		return
	}
	sdk.Serve(&probe{behaviour: behaviour})
}

// forever is for behaviours that end with the host.
func forever() { time.Sleep(time.Hour) }
