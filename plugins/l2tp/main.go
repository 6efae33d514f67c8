// L2tp is the plugin for L2TP over IPsec, the VPN that Windows, Android and Apple had built in.
package main

import "github.com/penstock-vpn/penstock/sdk"

func main() { sdk.Serve(&plugin{}) }
