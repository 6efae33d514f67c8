package registry

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"os"
	"syscall"

	"github.com/penstock-vpn/penstock/sdk/diag"
)

// maxProgram bounds a plugin's program, in bytes.
const maxProgram = 256 << 20

// Copy writes the plugin's program to w and says whether it was the one the manifest
// means; until Copy has returned nil, nothing of w may be used. Who owns the program's
// file does not matter: its sum does.
func (m Manifest) Copy(w io.Writer) error {
	sum, err := Sum(m.Exec, w)
	if err != nil {
		return diag.New(diag.Plugin, "the program of the plugin "+m.Name+" cannot be read", err.Error()+"; install the plugin's package again")
	}
	if sum != m.SHA256 {
		return diag.New(diag.Plugin, "the program of the plugin "+m.Name+" is not the one that was installed",
			fmt.Sprintf("%s has the sha256 %s, %s says %s; install the plugin's package again, or build it again if it is yours", m.Exec, sum, m.Path, m.SHA256))
	}
	return nil
}

// Verify says whether the plugin's program is the one the manifest means.
func (m Manifest) Verify() error { return m.Copy(io.Discard) }

// Sum is the sha256 of a plugin's program in lower-case hex; what is read goes to w too.
func Sum(path string, w io.Writer) (string, error) {
	f, err := os.OpenFile(path, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if err != nil {
		return "", err
	}
	defer f.Close()
	if st, err := f.Stat(); err != nil || !st.Mode().IsRegular() {
		return "", fmt.Errorf("%s is no regular file", path)
	}
	hash := newHasher()
	n, err := io.CopyBuffer(io.MultiWriter(hash, w), io.LimitReader(f, maxProgram+1), make([]byte, chunk))
	sum := hash.sum()
	if err != nil {
		return "", err
	}
	if n > maxProgram {
		return "", fmt.Errorf("%s is larger than %d MiB", path, maxProgram>>20)
	}
	return hex.EncodeToString(sum), nil
}

const chunk = 256 << 10

// hasher is a sha256 that works beside its writer: the time to start a plugin is
// mostly that of copying and hashing its program.
type hasher struct {
	full, empty chan []byte
	done        chan []byte
}

func newHasher() *hasher {
	h := &hasher{full: make(chan []byte, 2), empty: make(chan []byte, 2), done: make(chan []byte)}
	for range 2 {
		h.empty <- make([]byte, 0, chunk)
	}
	go func() {
		hash := sha256.New()
		for b := range h.full {
			hash.Write(b)
			h.empty <- b[:0]
		}
		h.done <- hash.Sum(nil)
	}()
	return h
}

// Write takes at most a chunk.
func (h *hasher) Write(p []byte) (int, error) {
	h.full <- append(<-h.empty, p...)
	return len(p), nil
}

func (h *hasher) sum() []byte {
	close(h.full)
	return <-h.done
}
