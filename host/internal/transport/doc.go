// Package transport connects to the gateway on behalf of a plugin: it resolves,
// goes through the proxy, dials, checks the certificate, and hands the plugin a
// plaintext end, until the transport becomes a path of the tunnel.
//
//	plugin --socketpair--> pumps --> [tls.Conn] --> cork --> TCP     (plaintext)
//	dataplane ---- Wire ----------> [tls.Conn] --> cork --> TCP     (after Drain)
//
// Streams are TCP and TLS, packets are UDP, raw IP and DTLS. The handover from the first
// line to the second loses no byte: what the host holds is read before the network.
package transport
