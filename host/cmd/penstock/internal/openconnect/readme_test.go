package openconnect

import (
	"os"
	"strings"
	"testing"
)

// The page says what becomes of every option, and of no other.
func TestReadmeNamesEveryOption(t *testing.T) {
	text, err := os.ReadFile("../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, o := range table {
		if !strings.Contains(string(text), "`--"+o.name+"`") {
			t.Errorf("--%s is not in the README", o.name)
		}
	}
}
