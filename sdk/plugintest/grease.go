package plugintest

import (
	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/penstock-vpn/penstock/sdk/pluginpb"
)

// Numbers that no version of the contract will have soon.
const (
	futureField   protowire.Number = 15000
	futureMessage protowire.Number = 901
	greaseEvery                    = 5 // messages between two unknown ones
)

// grease puts a field from the future into m and every message inside it.
func grease(m proto.Message) { greaseMessage(m.ProtoReflect()) }

func greaseMessage(m protoreflect.Message) {
	m.Range(func(f protoreflect.FieldDescriptor, v protoreflect.Value) bool {
		switch {
		case f.IsMap() || f.Kind() != protoreflect.MessageKind:
		case f.IsList():
			for i := range v.List().Len() {
				greaseMessage(v.List().Get(i).Message())
			}
		default:
			greaseMessage(v.Message())
		}
		return true
	})
	unknown := protowire.AppendTag(m.GetUnknown(), futureField, protowire.BytesType)
	m.SetUnknown(protowire.AppendString(unknown, "from the future"))
}

// fromTheFuture is a message of a kind that no plugin knows.
func fromTheFuture(id uint64) *pluginpb.FromHost {
	m := &pluginpb.FromHost{Id: id}
	unknown := protowire.AppendTag(nil, futureMessage, protowire.BytesType)
	m.ProtoReflect().SetUnknown(protowire.AppendBytes(unknown, nil))
	return m
}
