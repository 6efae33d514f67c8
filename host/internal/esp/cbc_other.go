//go:build !amd64 || purego

package esp

// newLanes is for processors that the package has assembly for.
func newLanes([]byte) (cbc, bool) { return nil, false }
