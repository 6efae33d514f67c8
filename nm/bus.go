package nm

import (
	"fmt"

	"github.com/godbus/dbus/v5"
	"github.com/godbus/dbus/v5/introspect"
)

// method is one method of an interface. What it returns as after runs when the reply
// is on its way: NetworkManager waits for ever when signals overtake a reply.
type method struct {
	in, out string // signatures
	call    func(args []any) (reply []any, after func(), err *dbus.Error)
}

// object is the one object that the service has, for all its interfaces.
type object map[string]map[string]method

var (
	_ dbus.Handler         = object(nil)
	_ dbus.ArgumentDecoder = method{}
)

// LookupObject implements dbus.Handler.
func (o object) LookupObject(path dbus.ObjectPath) (dbus.ServerObject, bool) {
	return o, path == pluginPath
}

// LookupInterface implements dbus.ServerObject.
func (o object) LookupInterface(name string) (dbus.Interface, bool) {
	if name == "" { // a caller may leave it out
		name = pluginInterface
	}
	methods, ok := o[name]
	return methodTable(methods), ok
}

type methodTable map[string]method

// LookupMethod implements dbus.Interface.
func (t methodTable) LookupMethod(name string) (dbus.Method, bool) {
	m, ok := t[name]
	return m, ok
}

// DecodeArguments implements dbus.ArgumentDecoder: the caller's signature must be ours.
func (m method) DecodeArguments(conn *dbus.Conn, _ string, msg *dbus.Message, args []any) ([]any, error) {
	got, _ := msg.Headers[dbus.FieldSignature].Value().(dbus.Signature)
	if got.String() != m.in {
		return nil, dbus.NewError("org.freedesktop.DBus.Error.InvalidArgs",
			[]any{fmt.Sprintf("the arguments have the signature %q, not %q", m.in, got.String())})
	}
	return []any{conn, msg, args}, nil
}

// Call implements dbus.Method with what DecodeArguments made. It replies itself, so
// that it knows when that is done.
func (m method) Call(args ...any) ([]any, error) {
	conn, msg := args[0].(*dbus.Conn), args[1].(*dbus.Message)
	values, after, failed := m.call(args[2].([]any))
	if failed != nil {
		return nil, failed
	}
	if msg.Flags&dbus.FlagNoReplyExpected == 0 {
		conn.Send(reply(msg, values), nil)
		msg.Flags |= dbus.FlagNoReplyExpected
	}
	if after != nil {
		after()
	}
	return nil, nil
}

func reply(to *dbus.Message, values []any) *dbus.Message {
	r := &dbus.Message{Type: dbus.TypeMethodReply, Body: values, Headers: map[dbus.HeaderField]dbus.Variant{
		dbus.FieldReplySerial: dbus.MakeVariant(to.Serial()),
	}}
	if sender, ok := to.Headers[dbus.FieldSender]; ok {
		r.Headers[dbus.FieldDestination] = sender
	}
	if len(values) > 0 {
		r.Headers[dbus.FieldSignature] = dbus.MakeVariant(dbus.SignatureOf(values...))
	}
	return r
}

// NumArguments, NumReturns, ArgumentValue and ReturnValue implement dbus.Method for
// decoders other than ours.
func (m method) NumArguments() int { return 0 }

// NumReturns is described at NumArguments.
func (m method) NumReturns() int { return 0 }

// ArgumentValue is described at NumArguments.
func (m method) ArgumentValue(int) any { return nil }

// ReturnValue is described at NumArguments.
func (m method) ReturnValue(int) any { return nil }

const (
	properties     = "org.freedesktop.DBus.Properties"
	introspectable = "org.freedesktop.DBus.Introspectable"
)

// newObject adds what every object has to the plugin's methods.
func newObject(plugin map[string]method, state func() State) object {
	o := object{pluginInterface: plugin}
	get := func() dbus.Variant { return dbus.MakeVariant(uint32(state())) }
	o[properties] = map[string]method{
		"Get": {"ss", "v", func(args []any) ([]any, func(), *dbus.Error) {
			if args[0] != pluginInterface || args[1] != "State" {
				return nil, nil, noProperty(args[1])
			}
			return []any{get()}, nil, nil
		}},
		"GetAll": {"s", "a{sv}", func([]any) ([]any, func(), *dbus.Error) {
			return []any{dictionary{"State": get()}}, nil, nil
		}},
		"Set": {"ssv", "", func(args []any) ([]any, func(), *dbus.Error) {
			return nil, nil, dbus.NewError("org.freedesktop.DBus.Error.PropertyReadOnly", []any{fmt.Sprintf("%.40q cannot be set", args[1])})
		}},
	}
	xml := string(introspect.NewIntrospectable(o.describe()))
	o[introspectable] = map[string]method{
		"Introspect": {"", "s", func([]any) ([]any, func(), *dbus.Error) { return []any{xml}, nil, nil }},
	}
	return o
}

func noProperty(name any) *dbus.Error {
	return dbus.NewError("org.freedesktop.DBus.Error.UnknownProperty", []any{fmt.Sprintf("there is no property %.40q", name)})
}

// describe is the object for introspection.
func (o object) describe() *introspect.Node {
	node := &introspect.Node{Name: string(pluginPath), Interfaces: []introspect.Interface{introspect.IntrospectData}}
	for name, methods := range o {
		i := introspect.Interface{Name: name}
		for m, of := range methods {
			i.Methods = append(i.Methods, introspect.Method{Name: m, Args: append(arguments(of.in, "in"), arguments(of.out, "out")...)})
		}
		if name == pluginInterface {
			i.Properties = []introspect.Property{{Name: "State", Type: "u", Access: "read"}}
			for signal, signature := range signals {
				i.Signals = append(i.Signals, introspect.Signal{Name: signal, Args: arguments(signature, "out")})
			}
		}
		node.Interfaces = append(node.Interfaces, i)
	}
	return node
}

// signals of the plugin's interface, with their signatures.
var signals = map[string]string{
	"StateChanged": "u", "Failure": "u", "SecretsRequired": "sas", "LoginBanner": "s",
	"Config": "a{sv}", "Ip4Config": "a{sv}", "Ip6Config": "a{sv}",
}

// arguments takes a signature apart.
func arguments(signature, direction string) []introspect.Arg {
	var all []introspect.Arg
	for rest := signature; rest != ""; {
		n := 1
		for n < len(rest) {
			if s, err := dbus.ParseSignature(rest[:n]); err == nil && s.Single() {
				break
			}
			n++
		}
		all = append(all, introspect.Arg{Type: rest[:n], Direction: direction})
		rest = rest[n:]
	}
	return all
}
