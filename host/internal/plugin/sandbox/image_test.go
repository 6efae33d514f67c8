package sandbox

import (
	"bytes"
	"errors"
	"io"
	"os"
	"slices"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

func TestKindOf(t *testing.T) {
	for head, want := range map[string][]string{
		"#!/usr/bin/python3\nimport sys\n":       {"/usr/bin/python3"},
		"#! /usr/bin/python3 -I \nimport sys\n":  {"/usr/bin/python3", "-I"},
		"#!/usr/bin/awk -f -v\n":                 {"/usr/bin/awk", "-f -v"},
		"#!/usr/../bin/sh\n":                     {"/bin/sh"},
		"#!/usr/bin/env python3\n":               nil,
		"#!python3\n":                            nil,
		"#!\n":                                   nil,
		"#!" + strings.Repeat("/x", maxShebang):  nil,
		"MZ":                                     nil,
		"":                                       nil,
		"\x7fELF" + strings.Repeat("\x00", 1000): nil,
	} {
		k, err := kindOf(strings.NewReader(head))
		if (err == nil) != (want != nil) || !slices.Equal(k.interpreter, want) {
			t.Errorf("%.40q: %q, %v, want %q", head, k.interpreter, err, want)
		}
	}
	self, err := os.Open("/proc/self/exe")
	if err != nil {
		t.Fatal(err)
	}
	defer self.Close()
	if k, err := kindOf(self); err != nil || k.interpreter != nil {
		t.Errorf("a binary: %+v, %v", k, err)
	}
}

func FuzzParseShebang(f *testing.F) {
	f.Add([]byte("#!/usr/bin/python3 -I\n"))
	f.Add([]byte("#!/bin/sh\n"))
	f.Add([]byte("#!/\r/\n"))
	f.Fuzz(func(t *testing.T, head []byte) {
		if !bytes.HasPrefix(head, []byte("#!")) {
			return
		}
		interpreter, err := parseShebang(head)
		if err != nil {
			return
		}
		again, err := parseShebang([]byte("#!" + strings.Join(interpreter, " ") + "\n"))
		if err != nil || !slices.Equal(again, interpreter) || !strings.HasPrefix(interpreter[0], "/") {
			t.Fatalf("%q, then %q, %v", interpreter, again, err)
		}
	})
}

func TestSealedIsSealed(t *testing.T) {
	f, err := Seal("test", func(f *os.File) error { _, err := f.WriteString("what was verified"); return err })
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if _, err := f.WriteAt([]byte("x"), 0); !errors.Is(err, unix.EPERM) {
		t.Errorf("writing: %v", err)
	}
	if err := f.Truncate(0); !errors.Is(err, unix.EPERM) {
		t.Errorf("truncating: %v", err)
	}
	if text, err := io.ReadAll(f); err != nil || string(text) != "what was verified" {
		t.Errorf("reading: %q, %v", text, err)
	}
	broken := errors.New("broken")
	if _, err := Seal("test", func(*os.File) error { return broken }); !errors.Is(err, broken) {
		t.Errorf("a copy that failed: %v", err)
	}
}

func TestUIDsAreApart(t *testing.T) {
	seen := map[int]bool{}
	for _, pid := range []int{1, 2, 1 << 15, 1<<22 - 1} {
		for counter := range uint32(1 << uidBits) {
			uid := uidOf(pid, counter)
			if seen[uid] || uid < 0x70000000 || uid >= 0x78000000 {
				t.Fatalf("pid %d, counter %d: uid %#x", pid, counter, uid)
			}
			seen[uid] = true
		}
	}
}

// Without MaybeStage the stage would run main again, and start plugins without an end.
func TestStartNeedsMaybeStage(t *testing.T) {
	if _, err := NewStage(); err == nil || !strings.Contains(err.Error(), "MaybeStage") {
		t.Errorf("got %v", err)
	}
}

func TestLandlockAsksForWhatTheKernelHas(t *testing.T) {
	var last uint64
	for abi := 1; abi <= 12; abi++ {
		a := handled(abi)
		if a.Handled_access_fs < last || abi < 4 && a.Handled_access_net != 0 || abi < 6 && a.Scoped != 0 {
			t.Errorf("version %d: %+v", abi, a)
		}
		last = a.Handled_access_fs
	}
	if handled(1).Handled_access_fs != 1<<13-1 {
		t.Errorf("version 1: %#x", handled(1).Handled_access_fs)
	}
}
