package host

import (
	"net/url"
	"strings"
)

// GatewayURL reads the option gateway: HOST, HOST:PORT or https://HOST[:PORT]/[PATH].
func GatewayURL(option string) (*url.URL, error) {
	if !strings.Contains(option, "://") {
		option = "https://" + option
	}
	return url.Parse(option)
}
