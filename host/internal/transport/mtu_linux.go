package transport

import (
	"net"
	"net/netip"
	"syscall"

	"golang.org/x/sys/unix"
)

const (
	tcpHeader     = 20 // bytes, without options
	tcpTimestamps = 12 // bytes of the timestamp option, padded
	udpHeader     = 8  // bytes

	tcpiOptTimestamps = 1 // TCPI_OPT_TIMESTAMPS
)

// tcpPathMTU is the largest IP packet that conn sends whole, in bytes: the path MTU
// the kernel knows, or less when the other side, or something in between that
// lowered its MSS, takes only smaller segments. 0 when unknown.
func tcpPathMTU(conn net.Conn) int {
	info, remote := tcpInfo(conn)
	if info == nil {
		return 0
	}
	return min(int(info.Pmtu), int(info.Snd_mss)+tcpAround(info, remote))
}

// tcpOverhead is what IP and TCP add to a segment of conn, in bytes.
func tcpOverhead(conn net.Conn) int {
	info, remote := tcpInfo(conn)
	return tcpAround(info, remote)
}

// tcpAround takes timestamps for granted when nothing is known.
func tcpAround(info *unix.TCPInfo, remote netip.Addr) int {
	n := ipHeader(remote) + tcpHeader
	if info == nil || info.Options&tcpiOptTimestamps != 0 {
		n += tcpTimestamps
	}
	return n
}

func tcpInfo(conn net.Conn) (*unix.TCPInfo, netip.Addr) {
	var info *unix.TCPInfo
	remote := addrPort(conn.RemoteAddr()).Addr()
	control(conn, func(fd int) {
		if i, err := unix.GetsockoptTCPInfo(fd, unix.IPPROTO_TCP, unix.TCP_INFO); err == nil {
			info = i
		}
	})
	return info, remote
}

// udpPathMTU is the path MTU the kernel knows for the connected socket, in bytes; 0 when unknown.
func udpPathMTU(conn net.Conn) int {
	mtu := 0
	level, option := unix.IPPROTO_IPV6, unix.IPV6_MTU
	if addrPort(conn.RemoteAddr()).Addr().Is4() {
		level, option = unix.IPPROTO_IP, unix.IP_MTU
	}
	control(conn, func(fd int) {
		if n, err := unix.GetsockoptInt(fd, level, option); err == nil {
			mtu = n
		}
	})
	return mtu
}

// control runs f on conn's descriptor, if it has one.
func control(conn net.Conn, f func(fd int)) {
	sc, ok := conn.(syscall.Conn)
	if !ok {
		return
	}
	raw, err := sc.SyscallConn()
	if err != nil {
		return
	}
	_ = raw.Control(func(fd uintptr) { f(int(fd)) })
}
