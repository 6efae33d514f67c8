// Package dtls is a DTLS 1.2 client (RFC 6347) for tunnels whose keys were agreed
// on over another channel: by a pre-shared key (RFC 4279), or by resuming a session
// that both sides know the master secret of. Handshakes are small then:
//
//	client                         server
//	ClientHello            ------>
//	                       <------ HelloVerifyRequest (cookie)
//	ClientHello (cookie)   ------>
//	                       <------ ServerHello, [ServerKeyExchange], ServerHelloDone
//	ClientKeyExchange, CCS,
//	Finished               ------>                              pre-shared key
//	                       <------ CCS, Finished
//
//	                       <------ ServerHello, CCS, Finished
//	CCS, Finished          ------>                              resumption
//
// After it, records are sealed and opened in place, without an allocation. No
// certificate, no signature and no key share is ever parsed. The server's half of
// the first kind is in server.go, for the gateway that clients are measured against.
package dtls
