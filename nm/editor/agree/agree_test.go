package agree

import (
	"fmt"
	"math/rand/v2"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/penstock-vpn/penstock/sdk/option"
)

// bounds are those that values are tried with.
var bounds = [][2]int64{{0, 0}, {576, 65535}, {-5, 5}, {1, 3600}, {0, 7 * 24 * 3600}}

// values that are on the edge of what is allowed.
var values = []string{
	"", " ", "0", "1", "+1", "-1", "-0", "5", "-5", "-6", "575", "576", "65535", "65536", "12x", "0x10", "1_000", "1.5", "1e3", "٣",
	"9223372036854775807", "9223372036854775808", "-9223372036854775808", "-9223372036854775809",
	"true", "TRUE", "Yes", "off", "2", "maybe", "one", "ONE", "two", "three",
	"30s", "5m", "1h30m", "1.5h", ".5s", "5.s", ".s", "s", "5", "-5s", "-0s", "+5s", "1d", "5 m", "5m ", "100us", "100µs", "100μs", "1ns", "-1ns",
	"3600s", "3601s", "60m", "60m1s", "61m", "0.5s", "1ms", "168h", "169h", "2562047h", "2562048h", "9223372036s", "9223372037", "9223372036",
	"a,b", "/etc/ssl/ca.pem", "pkcs11:object=x", "bell\a", "two\u0085lines", strings.Repeat("x", option.MaxValue), strings.Repeat("x", option.MaxValue+1),
}

func TestTheEditorJudgesAsTheValidator(t *testing.T) {
	program := filepath.Join(t.TempDir(), "judge")
	compile(t, program, "testdata/judge.c ../option.c", "glib-2.0")
	cases := append([]string{}, values...)
	const random = 1000
	r := rand.New(rand.NewPCG(1, 2))
	for range random {
		cases = append(cases, scribble(r))
	}
	var input strings.Builder
	var want []option.Option
	var tried []string
	for kind := option.String; kind <= option.List; kind++ {
		for _, b := range bounds {
			if kind == option.Duration && b[0] < 0 {
				continue
			}
			for _, value := range cases {
				o := option.Option{Key: "key", Type: kind, Choices: []string{"one", "Two"}, Min: b[0], Max: b[1]}
				fmt.Fprintf(&input, "%s\t%d\t%d\t%s\n", kind, b[0], b[1], value)
				want, tried = append(want, o), append(tried, value)
			}
		}
	}
	judge := exec.Command(program)
	judge.Stdin = strings.NewReader(input.String())
	out, err := judge.Output()
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.Fields(string(out))
	if len(lines) != len(want) {
		t.Fatalf("%d answers to %d questions", len(lines), len(want))
	}
	for i, o := range want {
		normal, err := o.Normalise(tried[i])
		takes := err == nil || strings.TrimSpace(tried[i]) == "" // no value is no mistake
		if takes != (lines[i] == "yes") {
			t.Errorf("%s of %d to %d, %.80q: the editor says %s, the validator %q, %v", o.Type, o.Min, o.Max, tried[i], lines[i], normal, err)
		}
	}
}

// compile makes a program of the editor's sources that ends at their first mistake.
func compile(t *testing.T, program, sources, libraries string) {
	t.Helper()
	build := exec.Command("sh", "-c", `cc -std=gnu11 -D_GNU_SOURCE -g -Wall -Wextra -Werror -fsanitize=address,undefined -fno-sanitize-recover=all -I.. -o "$0" $1 $(pkg-config --cflags --libs $2)`,
		program, sources, libraries)
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("cc: %v: %s", err, out)
	}
}

// scribble is a text of what numbers and durations are made of.
func scribble(r *rand.Rand) string {
	const letters = "0123456789.-+smhunµ "
	all := []rune(letters)
	var b strings.Builder
	for range r.IntN(8) {
		b.WriteRune(all[r.IntN(len(all))])
	}
	return b.String()
}
