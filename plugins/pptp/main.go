// Pptp is the plugin for PPTP, the oldest VPN of Windows.
package main

import "github.com/penstock-vpn/penstock/sdk"

func main() { sdk.Serve(&plugin{}) }
