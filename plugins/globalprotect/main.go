// Command globalprotect is the plugin for Palo Alto Networks GlobalProtect: portals and
// gateways, over ESP and TLS.
package main

import "github.com/penstock-vpn/penstock/sdk"

func main() { sdk.Serve(&plugin{}) }
