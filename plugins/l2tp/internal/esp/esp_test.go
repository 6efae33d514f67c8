package esp

import (
	"bytes"
	"testing"

	"github.com/penstock-vpn/penstock/sdk"
	"github.com/penstock-vpn/penstock/sdk/plugintest"
)

var (
	ours   = sdk.UDPPorts{Local: 1701, Remote: 1702}
	theirs = sdk.UDPPorts{Local: 1702, Remote: 1701}
)

func sa(d sdk.Direction, spi uint32, suite string, key, authKey int) sdk.SA {
	return sdk.SA{Direction: d, SPI: spi, Suite: suite, Key: bytes.Repeat([]byte{byte(spi)}, key), AuthKey: bytes.Repeat([]byte{byte(spi + 1)}, authKey)}
}

// pair is a Pair and the far end, which shares no code with it.
func pair(t *testing.T, suite string, key, authKey int) (*Pair, *plugintest.ESP) {
	t.Helper()
	p, err := New(ours, []sdk.SA{sa(sdk.Inbound, 0x1002, suite, key, authKey), sa(sdk.Outbound, 0x1001, suite, key, authKey)})
	if err != nil {
		t.Fatal(err)
	}
	far, err := plugintest.NewESP(sa(sdk.Outbound, 0x1002, suite, key, authKey), sa(sdk.Inbound, 0x1001, suite, key, authKey))
	if err != nil {
		t.Fatal(err)
	}
	far.Datagrams(theirs)
	return p, far
}

func TestDatagramsOfEverySuite(t *testing.T) {
	for _, s := range []struct {
		name         string
		key, authKey int
	}{
		{"aes128gcm16", 20, 0}, {"aes192gcm16", 28, 0}, {"aes256gcm16", 36, 0}, {"aes128-md5", 16, 16},
		{"aes128-sha1", 16, 20}, {"aes192-sha256", 24, 32}, {"aes256-sha384", 32, 48}, {"aes256-sha512", 32, 64}, {"3des-sha1", 24, 20}, {"3des-md5", 24, 16},
	} {
		p, far := pair(t, s.name, s.key, s.authKey)
		for size := range 40 {
			want := bytes.Repeat([]byte{byte(size)}, size)
			sealed, err := p.Seal(want)
			if err != nil {
				t.Fatal(err)
			}
			if got, err := far.Open(sealed); err != nil || !bytes.Equal(got, want) {
				t.Fatalf("%s: the far end has %x, %v", s.name, got, err)
			}
			if got, err := p.Open(far.Seal(want)); err != nil || !bytes.Equal(got, want) {
				t.Fatalf("%s: came %x, %v", s.name, got, err)
			}
		}
		all := p.SAs()
		if len(all) != 2 || all[0].First != 41 || all[1].First != 41 {
			t.Errorf("%s: to go on with: %v", s.name, all)
		}
		if _, err := p.Seal(nil); err == nil {
			t.Errorf("%s: sealed by who has handed over", s.name)
		}
	}
}

func TestWhatIsRefused(t *testing.T) {
	p, far := pair(t, "aes128-sha1", 16, 20)
	first, second := far.Seal([]byte("1")), far.Seal([]byte("2"))
	if _, err := p.Open(second); err != nil {
		t.Fatal(err)
	}
	forged := far.Seal([]byte("3"))
	forged[len(forged)-1] ^= 1
	unknown := far.Seal([]byte("4"))
	unknown[0] ^= 1
	for name, packet := range map[string][]byte{"late": first, "again": second, "forged": forged, "of another SA": unknown, "short": {1, 2}} {
		if got, err := p.Open(packet); err == nil {
			t.Errorf("a packet that is %s: %q", name, got)
		}
	}
	p.Remove(0x1002)
	if _, err := p.Open(far.Seal(nil)); err == nil {
		t.Error("a packet of an SA that was removed")
	}
	for _, bad := range []sdk.SA{sa(sdk.Inbound, 0x1003, "des-sha1", 8, 20), sa(sdk.Inbound, 0x1003, "3des-sha1", 16, 20), sa(sdk.Inbound, 0x1003, "aes128-sha1", 15, 20), {Suite: "aes128gcm16"}, {Suite: "aes128-sha1", ESN: true}} {
		if p.Install(bad) == nil {
			t.Errorf("%v is installed", bad)
		}
	}
}

// Nothing that comes makes it read what is not there.
func FuzzOpen(f *testing.F) {
	f.Add([]byte("\x06\xa6\x06\xa5\x00\x0a\x00\x00hi\x01\x02\x02\x11"), false)
	f.Add([]byte{}, true)
	f.Fuzz(func(t *testing.T, text []byte, asPacket bool) {
		p := &Pair{ports: ours}
		if err := p.Install(sa(sdk.Inbound, 0x1002, "aes128gcm16", 20, 0)); err != nil {
			t.Fatal(err)
		}
		packet := text
		if !asPacket {
			packet, _ = p.in[0].suite.seal([]byte{0, 0, 0x10, 2, 0, 0, 0, 1}, text)
		}
		if got, err := p.Open(packet); err == nil && len(got) > len(text) {
			t.Fatalf("%d bytes of %d", len(got), len(text))
		}
	})
}
