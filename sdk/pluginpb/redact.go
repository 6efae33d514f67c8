package pluginpb

import (
	"fmt"
	"io"

	"google.golang.org/protobuf/encoding/prototext"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
)

// secret fields are left out of what formatting a message shows.
var secret = map[protoreflect.FullName]bool{
	prefix + "Sa.key": true, prefix + "Sa.auth_key": true,
	prefix + "Psk.raw": true, prefix + "Resumption.master_secret": true, prefix + "Exported.data": true,
	prefix + "Checkpoint.data": true, prefix + "Resume.checkpoint": true, prefix + "Answer.values": true,
	prefix + "LoggedIn.cookie": true,
}

const prefix = "penstock.plugin.v1."

// Format prints a message without the secrets in it, for every verb.
func (x *FromHost) Format(f fmt.State, _ rune) { show(f, x) }

// Format prints a message without the secrets in it, for every verb.
func (x *FromPlugin) Format(f fmt.State, _ rune) { show(f, x) }

// Format prints a message without the secrets in it, for every verb.
func (x *Attach) Format(f fmt.State, _ rune) { show(f, x) }

// Format prints a message without the secrets in it, for every verb.
func (x *Esp) Format(f fmt.State, _ rune) { show(f, x) }

// Format prints a message without the secrets in it, for every verb.
func (x *InstallSa) Format(f fmt.State, _ rune) { show(f, x) }

// Format prints a message without the secrets in it, for every verb.
func (x *Sa) Format(f fmt.State, _ rune) { show(f, x) }

func show(f fmt.State, m proto.Message) {
	shown := proto.Clone(m)
	conceal(shown.ProtoReflect())
	_, _ = io.WriteString(f, prototext.MarshalOptions{}.Format(shown))
}

// conceal clears the secrets in m and in the messages in it.
func conceal(m protoreflect.Message) {
	m.Range(func(field protoreflect.FieldDescriptor, v protoreflect.Value) bool {
		switch {
		case secret[field.FullName()]:
			m.Clear(field)
		case field.IsMap() || field.Message() == nil:
		case field.IsList():
			for i := range v.List().Len() {
				conceal(v.List().Get(i).Message())
			}
		default:
			conceal(v.Message())
		}
		return true
	})
}
