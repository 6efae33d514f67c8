package esp

import (
	"errors"
	"fmt"
)

// SPI is a security parameters index: the receiver's name of an SA.
type SPI uint32

// String is the SPI as packet dumps print it.
func (s SPI) String() string { return fmt.Sprintf("0x%08x", uint32(s)) }

// firstSPI is the first that is free for use (RFC 4303 section 2.1). With 0 in its
// place a message of IKE begins (RFC 3948 section 2.2).
const firstSPI SPI = 256

// SA is what key management installs: the keys of one direction. Each SA needs keys
// of its own, and may be made an Outbound once only: the AEADs' IVs begin anew with it.
type SA struct {
	SPI     SPI
	Suite   *Suite
	Key     []byte // Suite.KeySize bytes, the salt last
	AuthKey []byte // Suite.AuthKeySize bytes
	ESN     bool   // extended sequence numbers
	Limits  Limits
	// First is the number that an Outbound begins with, and the lowest that an Inbound takes:
	// somebody else has used the keys for those before. 0: all.
	First uint32
}

// Format prints an SA without its keys, for every verb.
func (sa SA) Format(f fmt.State, _ rune) {
	name := "no suite"
	if sa.Suite != nil {
		name = sa.Suite.Name
	}
	_, _ = fmt.Fprintf(f, "SA %v %s", sa.SPI, name)
}

// Outbound makes sa ready to seal.
func (sa SA) Outbound() (*Outbound, error) {
	t, err := sa.transform()
	if err != nil {
		return nil, err
	}
	return &Outbound{spi: sa.SPI, suite: sa.Suite, transform: t, next: max(1, uint64(sa.First)), life: sa.life()}, nil
}

// Inbound makes sa ready to open.
func (sa SA) Inbound() (*Inbound, error) {
	t, err := sa.transform()
	if err != nil {
		return nil, err
	}
	in := &Inbound{spi: sa.SPI, suite: sa.Suite, transform: t, esn: sa.ESN, life: sa.life()}
	in.window.begin(uint64(sa.First))
	return in, nil
}

// transform is a suite with its keys. It is used by one goroutine.
type transform interface {
	// seal encrypts and authenticates whole packets, whose IV and ICV it sets; their
	// sequence numbers follow on from first.
	seal(pkts [][]byte, first uint64)
	// open decrypts pkt into dst, which has room for exactly what is encrypted and
	// lies apart from pkt or on that part of it. It says whether pkt is authentic.
	open(dst, pkt []byte, number uint64) bool
}

func (sa SA) transform() (transform, error) {
	switch s := sa.Suite; {
	case s == nil:
		return nil, errors.New("esp: an SA without a suite")
	case sa.SPI < firstSPI:
		return nil, fmt.Errorf("esp: SPI %d is reserved", uint32(sa.SPI))
	case len(sa.Key) != s.KeySize:
		return nil, fmt.Errorf("esp: %s needs an encryption key of %d bytes, not %d", s.Name, s.KeySize, len(sa.Key))
	case len(sa.AuthKey) != s.AuthKeySize:
		return nil, fmt.Errorf("esp: %s needs an integrity key of %d bytes, not %d", s.Name, s.AuthKeySize, len(sa.AuthKey))
	case s.aead != nil:
		return newCombined(sa)
	default:
		return newChained(sa)
	}
}
