package proxy

import (
	"context"
	"errors"
	"net/http"
	"syscall"

	"github.com/penstock-vpn/penstock/host/internal/userstack"
)

// late says that something took too long.
func late(err error) bool {
	return errors.Is(err, context.DeadlineExceeded) || errors.Is(err, syscall.ETIMEDOUT)
}

// socksCause is SOCKS5's code for why a connection failed.
func socksCause(err error) socksReply {
	var refused *userstack.Refused
	var name *userstack.NameError
	switch {
	case errors.As(err, &refused):
		return replyNotAllowed
	case errors.Is(err, syscall.ENETUNREACH):
		return replyNetwork
	case errors.Is(err, syscall.EHOSTUNREACH), errors.As(err, &name):
		return replyHost
	case errors.Is(err, syscall.ECONNREFUSED):
		return replyRefused
	case late(err):
		return replyExpired
	}
	return replyFailed
}

// httpCause is HTTP's.
func httpCause(err error) int {
	var refused *userstack.Refused
	switch {
	case errors.As(err, &refused):
		return http.StatusForbidden
	case late(err):
		return http.StatusGatewayTimeout
	}
	return http.StatusBadGateway
}
