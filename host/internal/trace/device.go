package trace

import "github.com/penstock-vpn/penstock/host/internal/tun"

// device records what goes through another one.
type device struct {
	tun.Device
	r *Recorder
}

// Device is dev with its packets recorded; dev itself when nothing is.
func (r *Recorder) Device(dev tun.Device) tun.Device {
	if r == nil {
		return dev
	}
	return device{dev, r}
}

// Read records packets that leave.
func (d device) Read(bufs [][]byte, sizes []int, offset int) (int, error) {
	n, err := d.Device.Read(bufs, sizes, offset)
	for i := range n {
		d.r.packet(Inner, true, bufs[i][offset:offset+sizes[i]])
	}
	return n, err
}

// Write records packets that came, before the device merges them.
func (d device) Write(bufs [][]byte, offset int) (int, error) {
	for _, b := range bufs {
		d.r.packet(Inner, false, b[offset:])
	}
	return d.Device.Write(bufs, offset)
}
