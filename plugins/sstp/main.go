// Sstp is the plugin for SSTP, the VPN in HTTPS of Windows.
package main

import "github.com/penstock-vpn/penstock/sdk"

func main() { sdk.Serve(&plugin{}) }
