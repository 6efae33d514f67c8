// Package testlab builds small networks of real machines for end-to-end tests,
// benchmarks and the demonstration: Linux namespaces for the machines, a veth pair
// between them, real servers on one side and the client under test on the other.
// It needs root.
//
//	 client                                   gateway
//	+--------------------------+             +---------------------------------+
//	| penstock or openconnect  |             | ocserv, or a hostile gateway    |
//	|                          |  veth pair  |                                 |
//	| eth0 10.77.0.2  fd77::2  +-------------+ eth0 10.77.0.1  fd77::1         |
//	| default via 10.77.0.1    |             |   "vpn.test", 10.99/16, fd99::/16|
//	| tun* 10.88.0.x  fd88::x  + - - - - - - +   and vpn addresses dropped     |
//	+--------------------------+   tunnel    | vpns* 10.88.0.1                 |
//	                                         | lo    10.99.0.1  fd99::1        |
//	                                         +---------------------------------+
//
// The inside addresses live on the gateway's loopback and are dropped when they
// arrive on eth0: what reaches them came through a tunnel.
package testlab
