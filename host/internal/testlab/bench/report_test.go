package main

import (
	"strings"
	"testing"
)

func turns() []result {
	of := func(client string, down, memory float64) result {
		return result{client, "load tls", map[string]float64{"down-Mb/s": down, "up-Mb/s": 100 + memory/10, "MB": memory}}
	}
	return []result{of("a", 100, 10), of("b", 300, 20), of("a", 300, 10), of("b", 500, 30), of("a", 200, 10)}
}

func TestMedian(t *testing.T) {
	if got, ok := median(turns(), "a", "load tls", "down-Mb/s"); !ok || got != 200 {
		t.Errorf("median of three is %v", got)
	}
	if got, ok := median(turns(), "b", "load tls", "down-Mb/s"); !ok || got != 400 {
		t.Errorf("median of two is %v", got)
	}
}

func TestMedianOfNothing(t *testing.T) {
	if got, ok := median(turns(), "a", "load tls", "wakeups/s"); ok {
		t.Errorf("there is a median: %v", got)
	}
}

func TestTable(t *testing.T) {
	var b strings.Builder
	writeTable(&b, turns(), "a", "b")
	lines := map[string]string{}
	for line := range strings.Lines(b.String()) {
		lines[strings.Join(strings.Fields(line), " ")] = ""
	}
	for _, want := range []string{"load tls TCP down, Mb/s 200.0 400.0 2.00 better", "load tls resident memory, MB 10.0 25.0 2.50 worse", "load tls TCP up, Mb/s 101.0 102.5 1.01 same"} {
		if _, ok := lines[want]; !ok {
			t.Errorf("%q is not in\n%s", want, b.String())
		}
	}
}

func TestManagedResults(t *testing.T) {
	results := append(turns(), result{"a", "nm", map[string]float64{"login-ms": 200, "cookie-ms": 100, "down-ms": 30}},
		result{"b", "nm", map[string]float64{"login-ms": 100, "cookie-ms": 110, "down-ms": 30}})
	var table, lines strings.Builder
	writeTable(&table, results, "a", "b")
	if err := writeResults(&lines, results); err != nil {
		t.Fatal(err)
	}
	if text := strings.Join(strings.Fields(table.String()), " "); !strings.Contains(text, "nm up, login included, ms 200.0 100.0 0.50 better nm up after the login, ms 100.0 110.0 1.10 worse nm down, ms 30.0 30.0 1.00 same") {
		t.Error(table.String())
	}
	if !strings.HasSuffix(lines.String(), "\nBenchmarkNetworkManager/client=b 1 100.000 login-ms 110.000 cookie-ms 30.000 down-ms\n") {
		t.Error(lines.String())
	}
}

func TestResults(t *testing.T) {
	var b strings.Builder
	if err := writeResults(&b, turns()[:1]); err != nil {
		t.Fatal(err)
	}
	const want = "BenchmarkTunnel/gateway=load/transport=tls/client=a 1 100.000 down-Mb/s 101.000 up-Mb/s"
	if !strings.HasPrefix(b.String(), want) {
		t.Errorf("%q does not begin with %q", b.String(), want)
	}
}
