package dialog

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"maps"
	"strings"
	"testing"
)

func readText(text string) (details, error) {
	return readDetails(bufio.NewReaderSize(strings.NewReader(text), maxLine))
}

func TestReadDetails(t *testing.T) {
	const connection = "DATA_KEY=gateway\nDATA_VAL=vpn=x.test\n\nDATA_KEY=empty\nDATA_VAL=\n\nDATA_KEY=many\nDATA_VAL=one\n=two\n==three\n\n=lost\n" +
		"SECRET_KEY=password\nSECRET_VAL= a=b \n\nDATA_KEY=no value\n\nSECRET_VAL=no key\nDATA_KEY=mixed\nSECRET_VAL=x\nnonsense\nDONE\nQUIT\n"
	d, err := readText(connection)
	if err != nil {
		t.Fatal(err)
	}
	if want := map[string]string{"gateway": "vpn=x.test", "empty": "", "many": "one\ntwo\n=three"}; !maps.Equal(d.data, want) {
		t.Errorf("data %q", d.data)
	}
	if want := map[string]string{"password": " a=b "}; !maps.Equal(d.secrets, want) {
		t.Errorf("secrets %q", d.secrets)
	}
}

func TestReadDetailsDoesNotWaitAfterDone(t *testing.T) {
	r, w := io.Pipe() // stays open
	go func() { _, _ = io.WriteString(w, "DATA_KEY=a\nDATA_VAL=b\n\nDONE\n\n") }()
	if d, err := readDetails(bufio.NewReaderSize(r, maxLine)); err != nil || d.data["a"] != "b" {
		t.Errorf("%v %v", d, err)
	}
	_ = r.Close()
}

func TestReadDetailsThatAreRefused(t *testing.T) {
	for name, text := range map[string]string{
		"nothing": "", "no DONE": "DATA_KEY=a\nDATA_VAL=b\n", "long line": "DATA_KEY=" + strings.Repeat("a", maxLine) + "\nDONE\n",
		"too much": strings.Repeat("DATA_KEY=a\nDATA_VAL=b\n\n", maxDetails/20) + "DONE\n",
	} {
		if _, err := readText(text); err == nil || errors.Is(err, errQuit) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := readText("DATA_KEY=a\nQUIT\n"); !errors.Is(err, errQuit) {
		t.Errorf("QUIT: %v", err)
	}
}

// write is an agent's side.
func write(tag string, values map[string]string) string {
	var b strings.Builder
	for key, value := range values {
		for _, part := range []struct{ name, text string }{{"KEY", key}, {"VAL", value}} {
			fmt.Fprintf(&b, "%s_%s=%s\n", tag, part.name, strings.ReplaceAll(part.text, "\n", "\n="))
		}
		b.WriteByte('\n')
	}
	return b.String()
}

func FuzzReadDetails(f *testing.F) {
	f.Add([]byte("DATA_KEY=a\nDATA_VAL=b\n=c\n\nSECRET_KEY=d\nSECRET_VAL=e\n\nDONE\nQUIT\n"))
	f.Fuzz(func(t *testing.T, text []byte) {
		d, err := readDetails(bufio.NewReaderSize(bytes.NewReader(text), maxLine))
		if err != nil {
			return
		}
		again, err := readText(write("DATA", d.data) + write("SECRET", d.secrets) + "DONE\n")
		if err != nil || !maps.Equal(again.data, d.data) || !maps.Equal(again.secrets, d.secrets) {
			t.Fatalf("%q is read as %+v and then as %+v %v", text, d, again, err)
		}
	})
}
