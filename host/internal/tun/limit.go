package tun

// limited is a device that is read few packets at a time.
type limited struct {
	Device
	most int
}

// Limit has d be read at most so many packets at a time.
func Limit(d Device, most int) Device {
	if most >= d.BatchSize() {
		return d
	}
	return limited{d, most}
}

// BatchSize is the number of bufs that Read wants.
func (l limited) BatchSize() int { return l.most }
