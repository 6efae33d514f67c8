// Package esp is the record layer of IPsec's Encapsulating Security Payload (RFC
// 4303), for tunnels that carry it in UDP (RFC 3948). Keys come from elsewhere: an
// SA is installed with them, and lives until its limits are reached or it is removed.
//
//	| SPI (4) | sequence (4) | IV (8 or 16) | payload | padding | pad length | next header | ICV |
//	                                        |<--------------- encrypted ------------------>|
//	|<------------------------------- authenticated -------------------------------------->|
//
// Packets are sealed in place and opened from the socket's memory into the
// caller's, without an allocation. The payload is one IP packet (tunnel mode), or a
// datagram of UDP between two ports (transport mode), of which the caller sees what it holds.
// Extended sequence numbers (64 bits, of which 32 travel) are a choice of each SA.
package esp
