// Command manifest writes a plugin's manifest: it asks the program what it is
// (`PROGRAM --manifest` prints DescribeResponse as JSON) and takes its sha256.
//
//	manifest -o bin/plugins/anyconnect.toml bin/plugins/anyconnect
package main

import (
	"bytes"
	"context"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"time"

	"google.golang.org/protobuf/encoding/protojson"

	"github.com/penstock-vpn/penstock/host/internal/registry"
	"github.com/penstock-vpn/penstock/sdk/pluginpb"
)

func main() {
	out := flag.String("o", "", "the manifest to write; its name is the plugin's")
	installed := flag.String("exec", "", "path of the program where it will be installed; default: relative to the manifest")
	auth := flag.String("auth", string(registry.AuthMTLS), "mtls, or peercred for plugins whose gRPC knows no P-521 certificates")
	flag.Parse()
	if *out == "" || flag.NArg() == 0 {
		fmt.Fprintln(os.Stderr, "usage: manifest -o NAME.toml [-exec PATH] [-auth mtls|peercred] PROGRAM [ARGUMENT...]")
		os.Exit(2)
	}
	if err := write(*out, *installed, registry.Auth(*auth), flag.Args()); err != nil {
		fmt.Fprintln(os.Stderr, "manifest:", err)
		os.Exit(1)
	}
}

func write(out, installed string, auth registry.Auth, command []string) error {
	program, err := filepath.Abs(command[0])
	if err != nil {
		return err
	}
	description, err := describe(program, command[1:])
	if err != nil {
		return err
	}
	m := registry.FromDescribe(description)
	m.Args, m.Auth = command[1:], auth
	if m.SHA256, err = registry.Sum(program, io.Discard); err != nil {
		return err
	}
	if installed == "" {
		if installed, err = relative(out, program); err != nil {
			return err
		}
	}
	text, err := m.Marshal(installed)
	if err == nil {
		err = registry.Check(text, out)
	}
	if err != nil {
		return err
	}
	return os.WriteFile(out, text, 0o644)
}

// describe runs the program for at most ten seconds.
func describe(program string, args []string) (*pluginpb.DescribeResponse, error) {
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	var stdout bytes.Buffer
	cmd := exec.CommandContext(ctx, program, append(args[:len(args):len(args)], "--manifest")...)
	cmd.Stdout, cmd.Stderr = &stdout, os.Stderr
	if err := cmd.Run(); err != nil {
		return nil, fmt.Errorf("%s --manifest: %w", program, err)
	}
	description := &pluginpb.DescribeResponse{}
	if err := protojson.Unmarshal(stdout.Bytes(), description); err != nil {
		return nil, fmt.Errorf("%s --manifest printed no DescribeResponse: %w", program, err)
	}
	return description, nil
}

func relative(out, program string) (string, error) {
	dir, err := filepath.Abs(filepath.Dir(out))
	if err != nil {
		return "", err
	}
	return filepath.Rel(dir, program)
}
