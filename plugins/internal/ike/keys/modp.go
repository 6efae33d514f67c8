package keys

import (
	"errors"
	"io"
	"math/big"
	"sync"
)

// modp is a group of numbers modulo a prime, with the generator 2. All of RFC 2409's
// and RFC 3526's primes are
//
//	2^bits - 2^(bits-64) - 1 + 2^64 * (floor(2^(bits-130) * pi) + add)
type modp struct {
	bits uint
	add  int64
}

var (
	modp1024 = modp{1024, 129093}
	modp1536 = modp{1536, 741804}
	modp2048 = modp{2048, 124476}
	modp3072 = modp{3072, 1690314}
	modp4096 = modp{4096, 240904}
	modp6144 = modp{6144, 929484}
	modp8192 = modp{8192, 4743158}
)

// exponentSize is that of private values in bytes: twice what the strongest group is
// worth, and more.
const exponentSize = 64

var one = big.NewInt(1)

// prime puts off the computation until the group is used.
func prime(m modp) func(io.Reader) (Exchange, error) {
	p := sync.OnceValue(m.prime)
	return func(random io.Reader) (Exchange, error) {
		b := make([]byte, exponentSize)
		if _, err := io.ReadFull(random, b); err != nil {
			return nil, err
		}
		x := new(big.Int).SetBytes(b)
		x.SetBit(x, 8*exponentSize-1, 1)
		return &modular{p(), x}, nil
	}
}

func (m modp) prime() *big.Int {
	middle := new(big.Int).Add(pi(m.bits-130), big.NewInt(m.add))
	p := new(big.Int).Lsh(one, m.bits)
	p.Sub(p, new(big.Int).Lsh(one, m.bits-64))
	p.Sub(p, one)
	return p.Add(p, middle.Lsh(middle, 64))
}

// pi is the integer part of 2^bits * pi, by Machin's formula.
func pi(bits uint) *big.Int {
	const guard = 64
	scale := new(big.Int).Lsh(one, bits+guard)
	sum := arctan(5, scale)
	sum.Mul(sum, big.NewInt(4)).Sub(sum, arctan(239, scale)).Mul(sum, big.NewInt(4))
	return sum.Rsh(sum, guard)
}

// arctan is scale * arctan(1/x).
func arctan(x int64, scale *big.Int) *big.Int {
	square := big.NewInt(x * x)
	power := new(big.Int).Div(scale, big.NewInt(x))
	sum, term := new(big.Int).Set(power), new(big.Int)
	for n := int64(3); power.Sign() > 0; n += 2 {
		power.Div(power, square)
		term.Div(power, big.NewInt(n))
		if n%4 == 3 {
			sum.Sub(sum, term)
		} else {
			sum.Add(sum, term)
		}
	}
	return sum
}

// modular is an Exchange in a prime's group. Exponentiation by math/big takes a time
// that depends a little on the exponent. It is used for one exchange and never again,
// so that there is one measurement to be had of it, over a network; where that
// is too much, the curves are there, whose arithmetic takes constant time.
type modular struct{ p, x *big.Int }

// Public implements Exchange.
func (m *modular) Public() []byte { return m.bytes(new(big.Int).Exp(big.NewInt(2), m.x, m.p)) }

// Secret implements Exchange.
func (m *modular) Secret(public []byte) ([]byte, error) {
	y := new(big.Int).SetBytes(public)
	last := new(big.Int).Sub(m.p, one)
	if len(public) != m.size() || y.Cmp(one) <= 0 || y.Cmp(last) >= 0 {
		return nil, errors.New("the other side's public value is none of the group")
	}
	return m.bytes(y.Exp(y, m.x, m.p)), nil
}

func (m *modular) size() int { return (m.p.BitLen() + 7) / 8 }

// bytes fills up with zeros on the left.
func (m *modular) bytes(n *big.Int) []byte { return n.FillBytes(make([]byte, m.size())) }
