//go:build race

package transport

// raceDetector makes sync.Pool, which crypto/tls uses, forget at random.
const raceDetector = true
