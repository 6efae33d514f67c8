// Package registry knows which plugins are installed. A plugin is installed by its
// manifest, a TOML file NAME.toml that says what it is, which file to execute and
// that file's sha256; the option schema stands in it too, so that nothing has to be
// run to know the options.
//
//	/usr/lib/penstock/plugins.d   packages
//	/etc/penstock/plugins.d       the administrator; beats packages by name
//	PENSTOCK_PLUGIN_PATH          development; beats both
//	--plugin-dir                  beats all
package registry

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/penstock-vpn/penstock/sdk/diag"
)

// EnvPath is the environment variable with more directories, colon separated.
const EnvPath = "PENSTOCK_PLUGIN_PATH"

// Dir is one directory of manifests.
type Dir struct {
	Path string
	// Named says that a person named it: it has to exist then, and may belong to the
	// user who became root by sudo.
	Named bool
}

// Dirs is where manifests are, weakest first: the system's, those in path (the value
// of EnvPath), and those named on the command line.
func Dirs(path string, named ...string) []Dir {
	dirs := []Dir{{Path: "/usr/lib/penstock/plugins.d"}, {Path: "/etc/penstock/plugins.d"}}
	for _, p := range append(filepath.SplitList(path), named...) {
		if p == "" {
			continue
		}
		if absolute, err := filepath.Abs(p); err == nil { // what a manifest names is relative to its place
			p = absolute
		}
		dirs = append(dirs, Dir{Path: p, Named: true})
	}
	return dirs
}

// Registry is what was found. The zero Registry knows no plugin.
type Registry struct {
	manifests []Manifest // by name; of one name, the strongest
	refused   []diag.Diagnostic
}

// Load reads the manifests of dirs, weakest first. A manifest that is refused is a
// diagnostic and hides weaker ones of its name, so that a broken override is not
// mistaken for its absence.
func Load(dirs []Dir) (Registry, []diag.Diagnostic) { return newOwners().load(dirs) }

// All are the plugins by name.
func (r Registry) All() []Manifest { return slices.Clone(r.manifests) }

// Lookup returns the plugin that speaks protocol. The error is a diagnostic that
// says what there is and what to do.
func (r Registry) Lookup(protocol string) (Manifest, error) {
	for _, m := range r.manifests {
		if slices.ContainsFunc(m.Protocols, func(p Protocol) bool { return p.Name == protocol }) {
			return m, nil
		}
	}
	return Manifest{}, r.missing(protocol)
}

func (r Registry) missing(protocol string) error {
	var have []string
	for _, m := range r.manifests {
		for _, p := range m.Protocols {
			have = append(have, p.Name)
		}
	}
	installed := "no plugin is installed"
	if len(have) > 0 {
		slices.Sort(have)
		installed = "installed are " + strings.Join(slices.Compact(have), ", ")
	}
	if protocol == "" {
		return diag.New(diag.Plugin, "no protocol is named", "set `protocol`; "+installed)
	}
	detail := fmt.Sprintf("%s; install the plugin's package, or name the directory of its manifest with --plugin-dir", installed)
	if len(r.refused) > 0 {
		detail += ". Refused was: " + r.refused[0].Error()
	}
	return diag.New(diag.Plugin, fmt.Sprintf("no plugin speaks the protocol %.64q", protocol), detail)
}

// maxManifests bounds one directory.
const maxManifests = 256

func (o owners) load(dirs []Dir) (Registry, []diag.Diagnostic) {
	var r Registry
	var notes []diag.Diagnostic
	for _, dir := range dirs {
		paths, err := dir.manifests()
		if err != nil {
			notes = append(notes, *diag.Of(err))
		}
		for _, path := range paths {
			m, warnings, err := o.read(path, dir.Named)
			notes = append(notes, warnings...)
			r.drop(strings.TrimSuffix(filepath.Base(path), ".toml"))
			if err != nil {
				r.refused = append(r.refused, *diag.Of(err))
				continue
			}
			r.manifests = append(r.manifests, m)
		}
	}
	// A protocol that several plugins speak is the strongest directory's, then the first name's.
	slices.Reverse(r.manifests)
	slices.SortStableFunc(r.manifests, func(a, b Manifest) int { return strings.Compare(a.Name, b.Name) })
	return r, append(notes, r.refused...)
}

// drop forgets what a stronger directory overrides.
func (r *Registry) drop(name string) {
	r.manifests = slices.DeleteFunc(r.manifests, func(m Manifest) bool { return m.Name == name })
}

func (d Dir) manifests() ([]string, error) {
	entries, err := os.ReadDir(d.Path)
	if err != nil {
		if !d.Named && os.IsNotExist(err) {
			return nil, nil
		}
		return nil, diag.New(diag.Plugin, "cannot read a plugin directory", err.Error()+"; check PENSTOCK_PLUGIN_PATH and --plugin-dir")
	}
	var paths []string
	for _, e := range entries {
		if strings.HasSuffix(e.Name(), ".toml") && !strings.HasPrefix(e.Name(), ".") {
			paths = append(paths, filepath.Join(d.Path, e.Name()))
		}
	}
	if len(paths) > maxManifests {
		return nil, diag.New(diag.Plugin, fmt.Sprintf("%s holds %d manifests, at most %d are read", d.Path, len(paths), maxManifests), "remove those that are not used")
	}
	return paths, nil
}
