package config

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/penstock-vpn/penstock/sdk/diag"
	"github.com/penstock-vpn/penstock/sdk/option"
	"github.com/penstock-vpn/penstock/sdk/secret"
)

// maxSecret bounds a file with a secret, in bytes.
const maxSecret = 16 << 10

// ReadSecret returns the first line of a file that only its owner, root or the
// user, may read.
func ReadSecret(path string) (secret.String, error) {
	data, info, err := read(path, maxSecret)
	if err != nil {
		return secret.String{}, diag.New(diag.Config, "cannot read the secret in "+path, err.Error())
	}
	if err := checkReaders(path, info); err != nil {
		return secret.String{}, err
	}
	return firstLine(path, data)
}

func firstLine(path string, data []byte) (secret.String, error) {
	line, _, _ := strings.Cut(string(data), "\n")
	line = strings.TrimSuffix(line, "\r")
	if line == "" {
		return secret.String{}, diag.New(diag.Config, "there is no secret in "+path, "its first line is empty: write the secret there")
	}
	return secret.New(line), nil
}

// Credentials returns the secrets that systemd passed for the connection: the
// credential penstock.NAME.KEY for each secret option KEY. The service manager
// protects them; they need no check of permissions.
func Credentials(name string, schema option.Schema) (map[string]secret.String, error) {
	dir := os.Getenv("CREDENTIALS_DIRECTORY")
	if !filepath.IsAbs(dir) {
		return nil, nil
	}
	found := map[string]secret.String{}
	for _, o := range schema {
		if !o.Secret {
			continue
		}
		path := filepath.Join(dir, fmt.Sprintf("penstock.%s.%s", name, o.Key))
		data, _, err := read(path, maxSecret)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return nil, diag.New(diag.Config, "cannot read the credential "+path, err.Error())
		}
		if found[o.Key], err = firstLine(path, data); err != nil {
			return nil, err
		}
	}
	return found, nil
}
