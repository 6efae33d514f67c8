// Package plugintest is a fake host for tests of plugins, without root and without
// a network: real gRPC, real descriptor passing, real handover. What a plugin opens
// leads to functions of the test that play the gateway, or to real servers.
//
//	h := plugintest.NewHost(t)
//	h.Gateway("tls", "vpn.example.com:443", func(c net.Conn) { ... })
//	h.Answer("main", map[string]string{"username": "alice", "password": "secret"})
//	run := h.Run(&myProtocol{}, plugintest.Profile{
//		Protocol: "mine",
//		Options:  map[string]string{"gateway": "vpn.example.com"},
//	})
//	config, path := run.Config(), run.Path()
//	...
//	run.Stop(true)
//	if err := run.Wait(); err != nil { ... }
//
// Everything that waits gives up after Patience and fails the test, telling what the
// plugin did so far. The host greases the conversation with fields and messages from
// the future, and fails the test when a secret that it answered comes back in a text.
package plugintest
