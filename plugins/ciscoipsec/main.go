// Command ciscoipsec is the plugin for gateways of Cisco IPsec: IKEv1 with XAUTH and mode
// config, and the host's ESP with keys that it negotiates.
package main

import "github.com/penstock-vpn/penstock/sdk"

func main() { sdk.Serve(&plugin{}) }
