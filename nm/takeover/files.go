package takeover

import (
	"bufio"
	"cmp"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"
)

// maxFile bounds a .name file, in bytes.
const maxFile = 64 << 10

// file is a .name file.
type file struct {
	path  string
	when  time.Time         // the later of its change and its inode's
	words map[string]string // "GROUP KEY": value
}

func (f file) name() string    { return f.words["VPN Connection name"] }
func (f file) service() string { return f.words["VPN Connection service"] }

// serves says whether NetworkManager starts the file's program for a service type.
func (f file) serves(service string) bool {
	return f.service() == service || slices.Contains(strings.Split(f.words["VPN Connection aliases"], ";"), service)
}

// load reads the files as NetworkManager does when it starts, the one that counts first.
// It takes none beside another of the same name, service or editor: free says which
// those are that it takes.
func (f Folders) load() (all, free []file, err error) {
	for _, folder := range []string{f.Lib, f.Etc} {
		found, err := loadFolder(folder)
		if err != nil {
			return nil, nil, err
		}
		all = append(all, found...)
	}
	for _, one := range all {
		if !slices.ContainsFunc(free, one.conflicts) {
			free = append(free, one)
		}
	}
	return all, free, nil
}

func (f file) conflicts(with file) bool {
	for _, key := range []string{"VPN Connection name", "VPN Connection service", "libnm plugin", "GNOME properties"} {
		if f.words[key] != "" && f.words[key] == with.words[key] {
			return true
		}
	}
	return false
}

func loadFolder(folder string) ([]file, error) {
	entries, err := os.ReadDir(folder)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	} else if err != nil {
		return nil, err
	}
	var found []file
	for _, e := range entries {
		if !strings.HasSuffix(e.Name(), suffix) || strings.HasPrefix(e.Name(), ".") {
			continue
		}
		if one, err := read(filepath.Join(folder, e.Name())); err == nil && one.name() != "" && one.service() != "" {
			found = append(found, one)
		}
	}
	slices.SortFunc(found, func(a, b file) int { return cmp.Or(b.when.Compare(a.when), strings.Compare(a.path, b.path)) })
	return found, nil
}

// read takes what it understands of a key file.
func read(path string) (file, error) {
	in, err := os.Open(path)
	if err != nil {
		return file{}, err
	}
	defer in.Close()
	info, err := in.Stat()
	if err != nil {
		return file{}, err
	}
	one, group := file{path: path, when: info.ModTime(), words: map[string]string{}}, ""
	if st, ok := info.Sys().(*syscall.Stat_t); ok {
		if changed := time.Unix(st.Ctim.Unix()); changed.After(one.when) {
			one.when = changed
		}
	}
	one.when = one.when.Truncate(time.Second)
	lines := bufio.NewScanner(io.LimitReader(in, maxFile))
	for lines.Scan() {
		line := strings.TrimSpace(lines.Text())
		key, value, isWord := strings.Cut(line, "=")
		switch {
		case strings.HasPrefix(line, "["):
			group = strings.Trim(line, "[]")
		case isWord && !strings.HasPrefix(line, "#"):
			one.words[group+" "+strings.TrimSpace(key)] = strings.TrimSpace(value)
		}
	}
	return one, lines.Err()
}
