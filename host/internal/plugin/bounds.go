package plugin

import (
	"fmt"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
)

// maxMessage bounds one message on the wire, in bytes: a Residual and its frame.
const maxMessage = 1<<20 + 64<<10

// Limits of a field that has none of its own below.
const (
	maxString   = 4096 // bytes
	maxBytes    = 512  // bytes
	maxRepeated = 64   // entries
)

// limits are bytes of a string or bytes field, or entries of a repeated one and with []
// bytes of each, by MESSAGE.FIELD in plugin.proto. What a value means is checked by who uses it.
var limits = map[protoreflect.FullName]int{
	"Residual.data":            1 << 20,
	"Checkpoint.data":          64 << 10,
	"ControlFrame.payload":     64<<10 - 1,
	"Export.context":           4096,
	"Dtls.session_id":          32,
	"Resumption.master_secret": 48,
	"FrameSpec.header":         32,
	"FrameSpec.replies":        16,
	"FrameSpec.ignore":         16,
	"FrameSpec.probe_answer":   16,
	"Esp.sas":                  16,
	"VerifyChain.chain":        16,
	"VerifyChain.chain[]":      64 << 10,
	"VerifyChain.name":         255,
	"Sign.digest":              64 << 10,
	"Sa.suite":                 64,
	"Sa.key":                   64,
	"Sa.auth_key":              64,
	"LoggedIn.cookie":          64 << 10,
	"Open.host":                255,
	"Adopted.transports":       maxOpen,

	"Progress.text":                64 << 10, // a page of the control conversation
	"Prompt.text":                  64 << 10,
	"Field.choices":                1024,
	"Sso.url":                      16 << 10,
	"Sso.html":                     256 << 10,
	"Scheme.scheme":                32,
	"Pair.value":                   16 << 10,
	"Program.args":                 256,
	"Program.env":                  256,
	"Failed.diagnostics":           16,
	"ValidateResponse.diagnostics": 64,

	"NetConfig.addresses":      16,
	"NetConfig.routes":         8192,
	"NetConfig.excludes":       8192,
	"NetConfig.dns":            16,
	"NetConfig.split_dns":      4096,
	"NetConfig.nbns":           16,
	"NetConfig.banner":         64 << 10,
	"NetConfig.script_options": 1024,
}

// prefix of all names in the contract's package.
const prefix = "penstock.plugin.v1."

// bounded says which field of m, or of a message in it, is too long.
func bounded(m proto.Message) error { return boundedMessage(m.ProtoReflect()) }

func boundedMessage(m protoreflect.Message) (err error) {
	m.Range(func(f protoreflect.FieldDescriptor, v protoreflect.Value) bool {
		switch {
		case f.IsMap():
			return true // none from a plugin
		case f.IsList():
			err = boundedList(f, v.List())
		default:
			err = boundedValue(f, v)
		}
		return err == nil
	})
	return err
}

func boundedList(f protoreflect.FieldDescriptor, list protoreflect.List) error {
	if limit := limitOf(f, maxRepeated); list.Len() > limit {
		return fmt.Errorf("%s has %d entries, at most %d are allowed", f.Name(), list.Len(), limit)
	}
	for i := range list.Len() {
		if f.Message() != nil {
			if err := boundedMessage(list.Get(i).Message()); err != nil {
				return err
			}
		} else if n, limit := size(f, list.Get(i)), limitNamed(f.FullName()+"[]", maxString); n > limit {
			return fmt.Errorf("an entry of %s has %d bytes, at most %d are allowed", f.Name(), n, limit)
		}
	}
	return nil
}

func boundedValue(f protoreflect.FieldDescriptor, v protoreflect.Value) error {
	if f.Message() != nil {
		return boundedMessage(v.Message())
	}
	limit := limitOf(f, maxString)
	if f.Kind() == protoreflect.BytesKind {
		limit = limitOf(f, maxBytes)
	}
	if n := size(f, v); n > limit {
		return fmt.Errorf("%s has %d bytes, at most %d are allowed", f.Name(), n, limit)
	}
	return nil
}

// size is the value's in bytes, 0 for numbers.
func size(f protoreflect.FieldDescriptor, v protoreflect.Value) int {
	switch f.Kind() {
	case protoreflect.StringKind:
		return len(v.String())
	case protoreflect.BytesKind:
		return len(v.Bytes())
	}
	return 0
}

func limitOf(f protoreflect.FieldDescriptor, otherwise int) int {
	return limitNamed(f.FullName(), otherwise)
}

func limitNamed(name protoreflect.FullName, otherwise int) int {
	if limit, ok := limits[name[len(prefix):]]; ok {
		return limit
	}
	return otherwise
}
