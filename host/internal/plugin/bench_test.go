package plugin

import (
	"testing"

	"github.com/penstock-vpn/penstock/host/internal/registry"
)

func BenchmarkStart(b *testing.B) {
	needRoot(b)
	for name, auth := range map[string]registry.Auth{"mtls": registry.AuthMTLS, "peercred": registry.AuthPeerCred} {
		m := manifest(b, probeStatic, "wait")
		m.Auth = auth
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				p, err := Start(b.Context(), Launch{Manifest: m})
				if err != nil {
					b.Fatal(err)
				}
				p.Kill()
			}
		})
	}
}
