package ike

import (
	"crypto/x509/pkix"
	"encoding/asn1"
	"testing"
)

func TestDistinguishedName(t *testing.T) {
	der, err := DistinguishedName(`C=CH, O=Example\, Inc., dc=example,CN=alice, E=alice@example.com`)
	if err != nil {
		t.Fatal(err)
	}
	var name pkix.RDNSequence
	if _, err := asn1.Unmarshal(der, &name); err != nil {
		t.Fatal(err)
	}
	for i, want := range []string{"CH", "Example, Inc.", "example", "alice", "alice@example.com"} {
		if len(name) != 5 || name[i][0].Value != want {
			t.Errorf("part %d of %v, want %q", i, name, want)
		}
	}
	for _, bad := range []string{"CN", "CN=", "X=1", "CN=a,,O=b", "=a"} {
		if der, err := DistinguishedName(bad); err == nil {
			t.Errorf("%q is %x", bad, der)
		}
	}
}

// The same name may be of strings of several kinds.
func TestSame(t *testing.T) {
	der := func(tag int, value string) []byte {
		b, err := asn1.Marshal(pkix.RDNSequence{{{Type: asn1.ObjectIdentifier{2, 5, 4, 3}, Value: asn1.RawValue{Tag: tag, Bytes: []byte(value)}}}})
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	one := &ID{Kind: IDDN, Data: der(asn1.TagPrintableString, "alice")}
	for _, test := range []struct {
		other *ID
		same  bool
	}{
		{&ID{Kind: IDDN, Data: der(asn1.TagUTF8String, "alice")}, true}, {&ID{Kind: IDDN, Data: der(asn1.TagUTF8String, "bob")}, false},
		{&ID{Kind: IDKey, Data: one.Data}, false}, {&ID{Kind: IDDN, Data: []byte("alice")}, false}, {&ID{Kind: IDDN}, false},
	} {
		if one.Same(test.other) != test.same {
			t.Errorf("%v and %v", one, test.other)
		}
	}
	if odd := (&ID{Kind: IDDN, Data: []byte("x")}); odd.Same(odd) {
		t.Error("what cannot be read is the same as itself")
	}
	if a := (&ID{Kind: IDFQDN, Data: []byte("a")}); !a.Same(&ID{Kind: IDFQDN, Data: []byte("a")}) || one.String() != `"CN=alice"` {
		t.Errorf("%v", one)
	}
}

func FuzzSame(f *testing.F) {
	der, _ := DistinguishedName("O=Example, CN=alice")
	f.Add(der, der)
	f.Fuzz(func(t *testing.T, a, b []byte) {
		x, y := &ID{Kind: IDDN, Data: a}, &ID{Kind: IDDN, Data: b}
		if x.Same(y) != y.Same(x) || x.String() == "" {
			t.Errorf("%x and %x", a, b)
		}
	})
}
