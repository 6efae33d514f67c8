package transport

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/des"
	"crypto/pbkdf2"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/sha512"
	"crypto/x509/pkix"
	"encoding/asn1"
	"errors"
	"fmt"
	"hash"

	"golang.org/x/crypto/scrypt"
)

// Encrypted PKCS#8 (RFC 5958 section 3) with PBES2 (RFC 8018 section 6.2), which
// the standard library does not read: PBKDF2 or scrypt (RFC 7914) with AES or 3DES in CBC.

const (
	maxIterations   = 10_000_000 // of PBKDF2
	maxScryptMemory = 256 << 20  // bytes
)

var errWrongPassphrase = errors.New("wrong passphrase")

var (
	oidPBES2  = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 5, 13}
	oidPBKDF2 = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 5, 12}
	oidScrypt = asn1.ObjectIdentifier{1, 3, 6, 1, 4, 1, 11591, 4, 11}
)

// prfs are PBKDF2's, by object identifier.
var prfs = map[string]func() hash.Hash{
	"1.2.840.113549.2.7":  sha1.New,
	"1.2.840.113549.2.9":  sha256.New,
	"1.2.840.113549.2.10": sha512.New384,
	"1.2.840.113549.2.11": sha512.New,
}

type blockCipher struct {
	key int // bytes
	new func([]byte) (cipher.Block, error)
}

var blockCiphers = map[string]blockCipher{
	"2.16.840.1.101.3.4.1.2":  {16, aes.NewCipher},
	"2.16.840.1.101.3.4.1.22": {24, aes.NewCipher},
	"2.16.840.1.101.3.4.1.42": {32, aes.NewCipher},
	"1.2.840.113549.3.7":      {24, des.NewTripleDESCipher},
}

type encryptedKey struct {
	Algorithm pkix.AlgorithmIdentifier
	Data      []byte
}

type pbes2 struct {
	KDF, Cipher pkix.AlgorithmIdentifier
}

type pbkdf2Params struct {
	Salt       []byte
	Iterations int
	KeyLength  int                      `asn1:"optional"`
	PRF        pkix.AlgorithmIdentifier `asn1:"optional"`
}

type scryptParams struct {
	Salt      []byte
	N, R, P   int
	KeyLength int `asn1:"optional"`
}

// decryptPKCS8 returns the PKCS#8 structure in der, or errWrongPassphrase.
func decryptPKCS8(der, password []byte) ([]byte, error) {
	var k encryptedKey
	if err := unmarshal(der, &k); err != nil {
		return nil, err
	}
	if !k.Algorithm.Algorithm.Equal(oidPBES2) {
		return nil, fmt.Errorf("encrypted by %v, only PBES2 is known; convert it with: openssl pkcs8 -topk8", k.Algorithm.Algorithm)
	}
	var p pbes2
	if err := unmarshal(k.Algorithm.Parameters.FullBytes, &p); err != nil {
		return nil, err
	}
	bc, ok := blockCiphers[p.Cipher.Algorithm.String()]
	if !ok {
		return nil, fmt.Errorf("encrypted with cipher %v, only AES and 3DES in CBC are known", p.Cipher.Algorithm)
	}
	key, err := deriveKey(p.KDF, password, bc.key)
	if err != nil {
		return nil, err
	}
	block, err := bc.new(key)
	if err != nil {
		return nil, err
	}
	return decryptCBC(block, p.Cipher.Parameters.FullBytes, k.Data)
}

func deriveKey(kdf pkix.AlgorithmIdentifier, password []byte, size int) ([]byte, error) {
	switch {
	case kdf.Algorithm.Equal(oidPBKDF2):
		return derivePBKDF2(kdf.Parameters.FullBytes, password, size)
	case kdf.Algorithm.Equal(oidScrypt):
		return deriveScrypt(kdf.Parameters.FullBytes, password, size)
	}
	return nil, fmt.Errorf("key derivation %v, only PBKDF2 and scrypt are known", kdf.Algorithm)
}

func derivePBKDF2(der, password []byte, size int) ([]byte, error) {
	var p pbkdf2Params
	if err := unmarshal(der, &p); err != nil {
		return nil, err
	}
	prf := sha1.New // RFC 8018: the default
	if len(p.PRF.Algorithm) > 0 {
		if prf = prfs[p.PRF.Algorithm.String()]; prf == nil {
			return nil, fmt.Errorf("PBKDF2 with %v, only HMAC with SHA-1 and SHA-2 is known", p.PRF.Algorithm)
		}
	}
	if p.Iterations < 1 || p.Iterations > maxIterations {
		return nil, fmt.Errorf("PBKDF2 with %d iterations, at most %d are allowed", p.Iterations, maxIterations)
	}
	return pbkdf2.Key(prf, string(password), p.Salt, p.Iterations, size)
}

func deriveScrypt(der, password []byte, size int) ([]byte, error) {
	var p scryptParams
	if err := unmarshal(der, &p); err != nil {
		return nil, err
	}
	if p.N < 2 || p.R < 1 || p.P < 1 || p.P > 16 || p.R > 64 || p.N > maxScryptMemory/128/p.R {
		return nil, fmt.Errorf("scrypt with N=%d r=%d p=%d is out of bounds", p.N, p.R, p.P)
	}
	return scrypt.Key(password, p.Salt, p.N, p.R, p.P, size)
}

// decryptCBC removes the padding too; it is what shows a wrong passphrase.
func decryptCBC(block cipher.Block, ivDER, data []byte) ([]byte, error) {
	var iv []byte
	if err := unmarshal(ivDER, &iv); err != nil {
		return nil, err
	}
	size := block.BlockSize()
	if len(iv) != size || len(data) == 0 || len(data)%size != 0 {
		return nil, errors.New("the encrypted key is damaged")
	}
	out := make([]byte, len(data))
	cipher.NewCBCDecrypter(block, iv).CryptBlocks(out, data)
	pad := int(out[len(out)-1])
	if pad < 1 || pad > size {
		return nil, errWrongPassphrase
	}
	for _, b := range out[len(out)-pad:] {
		if int(b) != pad {
			return nil, errWrongPassphrase
		}
	}
	out = out[:len(out)-pad]
	var probe asn1.RawValue
	if err := unmarshal(out, &probe); err != nil {
		return nil, errWrongPassphrase // the padding was right by chance
	}
	return out, nil
}

// unmarshal refuses trailing bytes.
func unmarshal(der []byte, v any) error {
	rest, err := asn1.Unmarshal(der, v)
	if err != nil {
		return fmt.Errorf("the encrypted key is damaged: %w", err)
	}
	if len(rest) > 0 {
		return errors.New("the encrypted key is damaged: bytes after its end")
	}
	return nil
}
