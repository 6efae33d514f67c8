package main

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"github.com/penstock-vpn/penstock/host"
	"github.com/penstock-vpn/penstock/host/foreign"
	"github.com/penstock-vpn/penstock/host/internal/config"
	"github.com/penstock-vpn/penstock/sdk/diag"
	"github.com/penstock-vpn/penstock/sdk/option"
	"github.com/penstock-vpn/penstock/sdk/secret"
)

const importIntro = `Read the connections of another VPN program from its file, and print them as
tables for penstock.toml.

Known are profiles of AnyConnect (.xml), connections of NetworkManager's plugins
openconnect, vpnc, pptp, l2tp, sstp and strongswan (.nmconnection; for openconnect also
as it exports them), profiles of strongSwan's Android app (.sswan), Apple's configuration
profiles (.mobileconfig) and Windows' phone books (.pbk); and tables of penstock.toml. What has no counterpart is named. Certificates and keys that
are in the file itself become files of yours.

To get a connection of NetworkManager instead:
  nmcli connection import type penstock file FILE`

// importCommand reads files of others.
func (a *app) importCommand() *cobra.Command {
	var o importOptions
	c := &cobra.Command{
		Use:   "import FILE [--with-secrets] [--json]",
		Short: "Take over connections from another VPN program's file",
		Long:  importIntro,
		Args:  wantArgs(1, 1),
		RunE: func(_ *cobra.Command, args []string) error {
			r, err := readImport(args[0], a.schemaOf)
			if err != nil {
				return err
			}
			return a.printImport(r, o)
		},
	}
	c.Flags().BoolVar(&o.secrets, "with-secrets", false, "print passwords and keys too")
	c.Flags().BoolVar(&o.json, "json", false, "print objects, for programs")
	c.Flags().StringVar(&o.folder, "files", "", "put certificates and keys that the file holds into this `FOLDER` (default ~/.config/penstock/imported)")
	return c
}

type importOptions struct {
	secrets, json bool
	folder        string
}

// schemaOf are the options of a protocol, its plugin being installed.
func (a *app) schemaOf(protocol string) (option.Schema, error) {
	return host.Schema(protocol, a.pluginDirs)
}

type schemaFinder func(protocol string) (option.Schema, error)

// readImport reads a file and holds what it says against the options there are.
func readImport(path string, schemaOf schemaFinder) (foreign.Result, error) {
	if filepath.Ext(path) == ".toml" {
		return readOwn(path, schemaOf)
	}
	text, err := readBounded(path)
	if err != nil {
		return foreign.Result{}, diag.New(diag.Config, "cannot read "+path, err.Error())
	}
	r, err := foreign.Read(text)
	if err != nil {
		return foreign.Result{}, diag.New(diag.Config, "cannot import "+path, err.Error())
	}
	for i := range r.Connections {
		fit(&r.Connections[i], schemaOf)
	}
	return r, nil
}

func readBounded(path string) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return io.ReadAll(io.LimitReader(f, foreign.MaxFile+1))
}

// readOwn reads tables of penstock.toml, such as `penstock export` writes.
func readOwn(path string, schemaOf schemaFinder) (r foreign.Result, err error) {
	files, err := config.LoadFile(path)
	if err != nil {
		return r, err
	}
	for _, name := range files.Names() {
		written, _ := files.Find(name)
		schema, err := schemaOf(written.Protocol())
		if err != nil {
			return r, err
		}
		resolved, found := written.Resolve(schema)
		if errs, _ := split(found); len(errs) > 0 {
			return r, errs
		}
		r.Connections = append(r.Connections, foreign.Connection{Name: name, Options: resolved.Values, Secrets: resolved.Secrets})
	}
	if len(r.Connections) == 0 {
		return r, diag.New(diag.Config, "there is no connection in "+path, "it has no table [connection.NAME]")
	}
	return r, nil
}

// fit takes out what the protocol's options do not allow, and says so. Without its
// plugin a connection stays as it is.
func fit(c *foreign.Connection, schemaOf schemaFinder) {
	schema, err := schemaOf(c.Options["protocol"])
	if err != nil {
		c.Notes = append(c.Notes, diag.Of(err).Error())
		return
	}
	values, found := schema.Normalise(c.Options)
	for _, d := range found {
		if d.Option != "gateway" || values["gateway"] != "" {
			c.Notes = append(c.Notes, d.Error())
		}
	}
	c.Options = values
	for key := range c.Secrets {
		if o, ok := schema.Find(key); !ok || !o.Secret {
			delete(c.Secrets, key)
			c.Notes = append(c.Notes, key+": the protocol has no such secret")
		}
	}
}

// place writes what a connection holds as files into the folder and has its options
// name them. A file that is there already stays, unless it is the same.
func place(c *foreign.Connection, folder string) error {
	if len(c.Files) == 0 {
		return nil
	}
	if err := os.MkdirAll(folder, 0o700); err != nil {
		return err
	}
	for key, file := range c.Files {
		path, err := placeFile(filepath.Join(folder, tableName(c.Name)+"-"+key), file)
		if err != nil {
			return err
		}
		c.Options[key] = path
	}
	return nil
}

const maxSameName = 100

func placeFile(base string, file foreign.File) (string, error) {
	for n := 1; n <= maxSameName; n++ {
		path := base + file.Ending
		if n > 1 {
			path = fmt.Sprintf("%s-%d%s", base, n, file.Ending)
		}
		f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
		if os.IsExist(err) {
			if there, err := readBounded(path); err == nil && secret.New(string(there)) == file.Data {
				return path, nil
			}
			continue
		}
		if err != nil {
			return "", err
		}
		_, err = f.WriteString(file.Data.Reveal())
		if closed := f.Close(); err == nil {
			err = closed
		}
		return path, err
	}
	return "", fmt.Errorf("there are %d files like %s already", maxSameName, base)
}

func (o importOptions) into() (string, error) {
	if o.folder != "" {
		return absolute(o.folder), nil
	}
	dir, err := os.UserConfigDir()
	return filepath.Join(dir, "penstock", "imported"), err
}

func (a *app) printImport(r foreign.Result, o importOptions) error {
	for i := range r.Connections {
		c := &r.Connections[i]
		folder, err := o.into()
		if err == nil {
			err = place(c, folder)
		}
		if err != nil {
			return diag.New(diag.Config, "cannot write what the file holds", err.Error()+"; name another folder with --files")
		}
	}
	if o.json {
		return printJSON(a.out.out, []importObject{importObjects(r, o.secrets)})
	}
	for _, note := range r.Notes {
		a.warnImport("", note)
	}
	var tables []string
	for _, c := range r.Connections {
		for _, note := range c.Notes {
			a.warnImport(c.Name+": ", note)
		}
		for key := range c.Files {
			a.warnImport(c.Name+": ", fmt.Sprintf("what it has as %s is now the file %s", key, c.Options[key]))
		}
		schema, _ := a.schemaOf(c.Options["protocol"])
		tables = append(tables, table(c, schema, o.secrets))
	}
	_, err := io.WriteString(a.out.out, strings.Join(tables, "\n"))
	return err
}

func (a *app) warnImport(who, note string) {
	a.out.diagnostic(diag.Diagnostic{Warning: true, Summary: who + note})
}
