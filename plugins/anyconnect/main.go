// Command anyconnect is the plugin for Cisco AnyConnect and its relatives: ASA, FTD
// and ocserv gateways, over TLS and DTLS.
package main

import "github.com/penstock-vpn/penstock/sdk"

func main() { sdk.Serve(&plugin{}) }
