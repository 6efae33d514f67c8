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
	hash := sha256.New()
	n, err := io.Copy(io.MultiWriter(hash, w), io.LimitReader(f, maxProgram+1))
	if err != nil {
		return "", err
	}
	if n > maxProgram {
		return "", fmt.Errorf("%s is larger than %d MiB", path, maxProgram>>20)
	}
	return hex.EncodeToString(hash.Sum(nil)), nil
}
