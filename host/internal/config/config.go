// Package config reads penstock.toml: tables [connection.NAME] whose keys are the
// options of the connection's protocol. What is wrong is told with file, line and
// what is right.
//
//	Load  -> Config      syntax, tables, who may write the file
//	Find  -> Connection  one table, values as written
//	Check -> Resolved    values in normal form, secrets apart, by a schema
//
// A secret option KEY is written as KEY = "...", or as KEY-file = "PATH" (the first
// line of a file), or it is the systemd credential penstock.NAME.KEY. A file that
// holds a secret must be readable by its owner only.
package config

import (
	"fmt"
	"maps"
	"os"
	"os/user"
	"path/filepath"
	"slices"

	"github.com/penstock-vpn/penstock/sdk/diag"
)

// SystemFile is the administrator's file; its connections give way to the user's
// of the same name.
const SystemFile = "/etc/penstock/penstock.toml"

// Config is what the files hold.
type Config struct {
	connections map[string]Connection
}

// Connection is one table [connection.NAME].
type Connection struct {
	Name string

	file   *file
	values map[string]value
}

// Paths are the files that are read when the user names none.
func Paths() []string {
	paths := []string{SystemFile}
	if dir := userDir(); dir != "" {
		paths = append(paths, filepath.Join(dir, "penstock", "penstock.toml"))
	}
	return paths
}

// userDir is the user's folder of configurations. Root's does not follow HOME,
// which may still be the one of whoever became root.
func userDir() string {
	if os.Geteuid() != 0 {
		dir, err := os.UserConfigDir()
		if err != nil {
			return ""
		}
		return dir
	}
	root, err := user.LookupId("0")
	if err != nil {
		return ""
	}
	return filepath.Join(root.HomeDir, ".config")
}

// Load reads the files of Paths that exist.
func Load() (*Config, error) {
	return load(Paths(), true)
}

// LoadFile reads one file, which must exist.
func LoadFile(path string) (*Config, error) {
	return load([]string{path}, false)
}

func load(paths []string, optional bool) (*Config, error) {
	c := &Config{connections: map[string]Connection{}}
	for _, path := range paths {
		f, err := open(path)
		if optional && os.IsNotExist(err) {
			continue
		}
		if err != nil {
			return nil, unreadable(path, err)
		}
		if err := f.parse(); err != nil {
			return nil, err
		}
		maps.Copy(c.connections, f.connections)
	}
	return c, nil
}

func unreadable(path string, err error) error {
	if d := diag.Of(err); d.Code == diag.Config {
		return d
	}
	return diag.New(diag.Config, fmt.Sprintf("cannot read the configuration file %s", path), err.Error())
}

// Names are the names of all connections, sorted.
func (c *Config) Names() []string {
	return slices.Sorted(maps.Keys(c.connections))
}

// Find returns the connection of that name.
func (c *Config) Find(name string) (Connection, bool) {
	found, ok := c.connections[name]
	return found, ok
}
