//go:build !amd64 && !arm64

package sandbox

// No plugin is started where nobody has checked the filter.
const (
	auditArch = 0
	hasX32    = false
)

var refusedHere []uint32
