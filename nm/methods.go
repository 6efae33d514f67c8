package nm

import (
	"github.com/godbus/dbus/v5"

	"github.com/penstock-vpn/penstock/sdk/diag"
)

const connectionSignature = "a{sa{sv}}"

// methods are org.freedesktop.NetworkManager.VPN.Plugin. NetworkManager waits 10 s
// for each reply; none of them takes time.
func (s *service) methods() map[string]method {
	return map[string]method{
		"NeedSecrets":        {connectionSignature, "s", s.needSecrets},
		"Connect":            {connectionSignature, "", func(args []any) ([]any, func(), *dbus.Error) { return s.connect(args, false) }},
		"ConnectInteractive": {connectionSignature + "a{sv}", "", func(args []any) ([]any, func(), *dbus.Error) { return s.connect(args, true) }},
		"NewSecrets":         {connectionSignature, "", s.newSecrets},
		"Disconnect":         {"", "", s.disconnectCall},
		"SetConfig":          {"a{sv}", "", s.relay("Config")},
		"SetIp4Config":       {"a{sv}", "", s.relay("Ip4Config")},
		"SetIp6Config":       {"a{sv}", "", s.relay("Ip6Config")},
		"SetFailure":         {"s", "", s.setFailure},
	}
}

// requestIn reads the connection of a call.
func (s *service) requestIn(args []any) (request, *dbus.Error) {
	r, err := parseRequest(args[0].(settings), s.Schema)
	if err != nil {
		s.Log.Error(diag.Of(err).Error())
		return r, refusal(err)
	}
	return r, nil
}

func (s *service) needSecrets(args []any) ([]any, func(), *dbus.Error) {
	r, failed := s.requestIn(args)
	if failed != nil {
		return nil, nil, failed
	}
	s.Warm(r.data["protocol"]) // Connect comes soon
	if r.needSecrets(s.Schema) {
		return []any{"vpn"}, nil, nil
	}
	return []any{""}, nil, nil
}

func (s *service) connect(args []any, interactive bool) ([]any, func(), *dbus.Error) {
	r, failed := s.requestIn(args)
	if failed != nil {
		return nil, nil, failed
	}
	start, failed := s.begin(r, interactive)
	return nil, start, failed
}

// newSecrets answers SecretsRequired. The whole connection comes again, with what
// the agent answered among its secrets.
func (s *service) newSecrets(args []any) ([]any, func(), *dbus.Error) {
	r, failed := s.requestIn(args)
	if failed != nil {
		return nil, nil, failed
	}
	s.mu.Lock()
	p := s.prompter
	s.mu.Unlock()
	if p == nil {
		return nil, nil, newError(wrongState, "no secrets were asked for")
	}
	return nil, func() { p.deliver(r.given) }, nil
}

func (s *service) disconnectCall([]any) ([]any, func(), *dbus.Error) {
	switch s.now() {
	case Stopping:
		return nil, nil, newError(stoppingInProgress, "the connection is ending")
	case Stopped:
		return nil, nil, newError(alreadyStopped, "the connection has ended")
	}
	return nil, s.disconnect, nil
}

// relay serves programs that a connection's hooks start: what they set goes to
// NetworkManager as it is.
func (s *service) relay(signal string) func([]any) ([]any, func(), *dbus.Error) {
	return func(args []any) ([]any, func(), *dbus.Error) {
		if state := s.now(); state != Starting && state != Started {
			return nil, nil, newError(wrongState, "there is no connection to configure")
		}
		return nil, func() { s.emit(signal, args[0]) }, nil
	}
}

// setFailure ends the connection because such a program failed.
func (s *service) setFailure(args []any) ([]any, func(), *dbus.Error) {
	if state := s.now(); state != Starting && state != Started {
		return nil, nil, newError(wrongState, "there is no connection that could fail")
	}
	return nil, func() {
		s.Log.Error("the connection was given up: " + text(dbus.MakeVariant(args[0])))
		s.emit("Failure", uint32(BadIPConfig))
		s.disconnect()
	}, nil
}
