package proxy

import (
	"context"
	"errors"
	"net/netip"
	"slices"
	"time"
)

// socks serves a client that has said its version.
func (s *Server) socks(c *client) {
	if !s.greet(c) {
		return
	}
	command, to, err := readRequest(c)
	switch {
	case errors.Is(err, errFamily):
		s.answer(c, replyNoSuchFamily, netip.AddrPort{})
		return
	case err != nil:
		return
	}
	_ = c.SetDeadline(time.Time{})
	switch command {
	case commandConnect:
		s.socksConnect(c, to)
	case commandUDP:
		s.associate(c)
	default:
		s.answer(c, replyNoCommand, netip.AddrPort{})
	}
}

// greet agrees on how the client says who it is, and hears it.
func (s *Server) greet(c *client) bool {
	methods, err := readMethods(c)
	if err != nil {
		return false
	}
	method := byte(methodNone)
	if s.who != nil {
		method = methodPassword
	}
	if !slices.Contains(methods, method) {
		_, _ = c.Write([]byte{socksVersion, methodRefused})
		return false
	}
	if _, err := c.Write([]byte{socksVersion, method}); err != nil || s.who == nil {
		return err == nil
	}
	user, password, err := readPassword(c)
	if err != nil {
		return false
	}
	right := s.who.are(user, password)
	result := byte(passwordRight)
	if !right {
		result = passwordWrong
		s.log.Warn("the proxy turned a client away: a wrong user name or password from " + c.RemoteAddr().String())
	}
	_, err = c.Write([]byte{passwordVersion, result})
	return right && err == nil
}

func (s *Server) socksConnect(c *client, to endpoint) {
	ctx, cancel := context.WithCancel(s.ctx)
	defer cancel()
	remote, err := s.network.Dial(ctx, to.host, to.port)
	if err != nil {
		s.log.Debug("the proxy could not connect: " + err.Error())
		s.answer(c, socksCause(err), netip.AddrPort{})
		return
	}
	if !s.answer(c, replyDone, addrPort(remote.LocalAddr())) {
		_ = remote.Close()
		return
	}
	s.relay(c, remote)
}

func (s *Server) answer(c *client, code socksReply, bound netip.AddrPort) bool {
	_ = c.SetWriteDeadline(time.Now().Add(greeting))
	_, err := c.Write(appendReply(nil, code, bound))
	_ = c.SetWriteDeadline(time.Time{})
	return err == nil
}
