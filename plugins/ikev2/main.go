// Command ikev2 is the plugin for gateways of IKEv2: the host's ESP with keys that it
// negotiates.
package main

import "github.com/penstock-vpn/penstock/sdk"

func main() { sdk.Serve(&plugin{}) }
