package registry

import (
	"bytes"
	"errors"
	"fmt"
	"path/filepath"
	"strings"

	"github.com/BurntSushi/toml"

	"github.com/penstock-vpn/penstock/sdk"
	"github.com/penstock-vpn/penstock/sdk/option"
)

// file is a manifest as written.
type file struct {
	Contract  int         `toml:"contract"` // major version of plugin.proto
	Name      string      `toml:"name"`
	Version   string      `toml:"version"`
	Exec      string      `toml:"exec"` // absolute, or relative to the manifest
	Args      []string    `toml:"args,omitempty"`
	SHA256    string      `toml:"sha256"`
	Auth      Auth        `toml:"auth,omitempty"`
	Needs     []string    `toml:"needs,omitempty"`
	Protocols []Protocol  `toml:"protocol"`
	Options   []fileEntry `toml:"option"`
}

// fileEntry is one option of the schema.
type fileEntry struct {
	Key       string      `toml:"key"`
	Type      option.Type `toml:"type"`
	Label     string      `toml:"label,omitempty"`
	Help      string      `toml:"help,omitempty"`
	Default   string      `toml:"default,omitempty"`
	Required  bool        `toml:"required,omitempty"`
	Choices   []string    `toml:"choices,omitempty"`
	Group     string      `toml:"group,omitempty"`
	Advanced  bool        `toml:"advanced,omitempty"`
	VisibleIf *condition  `toml:"visible-if,omitempty"`
	Secret    bool        `toml:"secret,omitempty"`
	Min       int64       `toml:"min,omitzero"`
	Max       int64       `toml:"max,omitzero"`
}

type condition struct {
	Key   string `toml:"key"`
	Value string `toml:"value"`
}

// parse reads the manifest at path; unknown are the keys it does not know, which a
// newer penstock may.
func parse(text []byte, path string) (m Manifest, unknown []string, err error) {
	if len(text) > maxFile {
		return Manifest{}, nil, fmt.Errorf("%d bytes, at most %d are read", len(text), maxFile)
	}
	if err := shallow(string(text)); err != nil {
		return Manifest{}, nil, err
	}
	f := file{Auth: AuthMTLS}
	meta, err := toml.Decode(string(text), &f)
	if err != nil {
		return Manifest{}, nil, err
	}
	for _, key := range meta.Undecoded() {
		unknown = append(unknown, key.String())
	}
	if f.Contract != sdk.ProtocolVersion {
		return Manifest{}, unknown, fmt.Errorf("it is made for version %d of the plugin contract, this penstock speaks version %d: update the older of them", f.Contract, sdk.ProtocolVersion)
	}
	m = f.manifest(path)
	if name := strings.TrimSuffix(filepath.Base(path), ".toml"); m.Name != name {
		return Manifest{}, unknown, fmt.Errorf("its name is %.64q, its file must be named so", m.Name)
	}
	return m, unknown, m.check()
}

// Limits of nesting, for which the decoder takes the square of the depth in time.
const (
	maxTables = 512 // inline tables in the file
	maxDots   = 64  // in a key
)

// shallow refuses what no manifest holds: deep keys and tables within tables.
func shallow(text string) error {
	if n := strings.Count(text, "{"); n > maxTables {
		return fmt.Errorf("%d inline tables, at most %d are read", n, maxTables)
	}
	number := 0
	for line := range strings.Lines(text) {
		number++
		key, _, _ := strings.Cut(line, "=")
		if strings.Contains(line, "{") {
			key = line
		}
		if strings.Count(key, ".") > maxDots {
			return fmt.Errorf("line %d: a key of more than %d parts", number, maxDots+1)
		}
	}
	return nil
}

func (f file) manifest(path string) Manifest {
	exec := f.Exec
	if exec != "" && !filepath.IsAbs(exec) {
		exec = filepath.Join(filepath.Dir(path), exec)
	}
	m := Manifest{
		Path: path, Name: f.Name, Version: f.Version, Protocols: f.Protocols, Exec: exec,
		Args: f.Args, SHA256: f.SHA256, Needs: f.Needs, Auth: f.Auth,
	}
	for _, e := range f.Options {
		o := option.Option{
			Key: e.Key, Type: e.Type, Label: e.Label, Help: e.Help, Default: e.Default, Required: e.Required,
			Choices: e.Choices, Group: e.Group, Advanced: e.Advanced, Secret: e.Secret, Min: e.Min, Max: e.Max,
		}
		if e.VisibleIf != nil {
			o.VisibleIf = option.Condition{Key: e.VisibleIf.Key, Value: e.VisibleIf.Value}
		}
		m.Options = append(m.Options, o)
	}
	return m
}

// Marshal writes m as its file's text, with exec as the file's program: absolute,
// or relative to the manifest.
func (m Manifest) Marshal(exec string) ([]byte, error) {
	if !plain(exec) || exec == "" {
		return nil, errors.New("exec: the path of the plugin's program")
	}
	f := file{
		Contract: sdk.ProtocolVersion, Name: m.Name, Version: m.Version, Exec: exec, Args: m.Args,
		SHA256: m.SHA256, Auth: m.Auth, Needs: m.Needs, Protocols: m.Protocols,
	}
	for _, o := range m.Options {
		e := fileEntry{
			Key: o.Key, Type: o.Type, Label: o.Label, Help: o.Help, Default: o.Default, Required: o.Required,
			Choices: o.Choices, Group: o.Group, Advanced: o.Advanced, Secret: o.Secret, Min: o.Min, Max: o.Max,
		}
		if o.VisibleIf != (option.Condition{}) {
			e.VisibleIf = &condition{Key: o.VisibleIf.Key, Value: o.VisibleIf.Value}
		}
		f.Options = append(f.Options, e)
	}
	var out bytes.Buffer
	encoder := toml.NewEncoder(&out)
	encoder.Indent = ""
	err := encoder.Encode(f)
	return out.Bytes(), err
}

// Check says what is wrong with a manifest's text that shall be written to path.
func Check(text []byte, path string) error {
	path, err := filepath.Abs(path)
	if err != nil {
		return err
	}
	_, _, err = parse(text, path)
	return err
}
