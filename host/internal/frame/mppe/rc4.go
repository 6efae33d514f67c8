package mppe

// stream is RC4. It is the one of crypto/rc4, but for that its key is changed in place:
// stateless MPPE changes it twice a packet, and crypto/rc4 allocates each time.
type stream struct {
	s    [256]byte
	i, j byte
}

func (c *stream) reset(key []byte) {
	for i := range c.s {
		c.s[i] = byte(i)
	}
	j := byte(0)
	for i := range c.s {
		j += c.s[i] + key[i%len(key)]
		c.s[i], c.s[j] = c.s[j], c.s[i]
	}
	c.i, c.j = 0, 0
}

// xor writes src, encrypted or decrypted, to dst, which is as long and may be the same.
func (c *stream) xor(dst, src []byte) {
	i, j := c.i, c.j
	dst = dst[:len(src)]
	for k, b := range src {
		i++
		x := c.s[i]
		j += x
		y := c.s[j]
		c.s[i], c.s[j] = y, x
		dst[k] = b ^ c.s[x+y]
	}
	c.i, c.j = i, j
}
