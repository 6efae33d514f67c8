package main

import (
	"os"
	"testing"
	"time"

	"github.com/penstock-vpn/penstock/host/internal/testlab"
	"github.com/penstock-vpn/penstock/host/internal/testlab/loadgate"
)

func TestMain(m *testing.M) {
	testlab.Init()
	loadgate.Init()
	os.Exit(m.Run())
}

// A flow counts what arrives, and goes on when nothing does.
func TestFlow(t *testing.T) {
	if os.Geteuid() != 0 && os.Getenv("CI") == "" {
		t.Skip("a lab needs root")
	}
	l, err := testlab.New()
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	f := flow{size: 100}
	got, _, err := f.run(t.Context(), l.Client, testlab.ClientV4, l.Gateway, testlab.GatewayV4, 200*time.Millisecond)
	if err != nil || got == 0 || f.sent.Load()-got > underWay {
		t.Errorf("got %d of %d, %v", got, f.sent.Load(), err)
	}
	f = flow{size: 100, grouped: true}
	got, _, err = f.run(t.Context(), l.Client, testlab.ClientV4, l.Gateway, testlab.GatewayV4, 200*time.Millisecond)
	if err != nil || got == 0 || f.sent.Load()-got > underWay {
		t.Errorf("grouped, got %d of %d, %v", got, f.sent.Load(), err)
	}
	if _, err := l.Silence(); err != nil {
		t.Fatal(err)
	}
	f = flow{size: 100}
	got, _, err = f.run(t.Context(), l.Client, testlab.ClientV4, l.Gateway, testlab.GatewayV4, 200*time.Millisecond)
	if err != nil || got != 0 || f.sent.Load() <= underWay {
		t.Errorf("through a black hole %d of %d, %v", got, f.sent.Load(), err)
	}
}

func TestVoluntary(t *testing.T) {
	if n, err := voluntary("Name:\tx\nvoluntary_ctxt_switches:\t42\nnonvoluntary_ctxt_switches:\t7\n"); n != 42 || err != nil {
		t.Errorf("%d, %v", n, err)
	}
	if _, err := voluntary("nonvoluntary_ctxt_switches:\t7\n"); err == nil {
		t.Error("found what is not there")
	}
}

func TestChoose(t *testing.T) {
	if got, err := choose("load,ocserv"); err != nil || len(got) != 2 || got[0].name != "load" {
		t.Errorf("%v, %v", got, err)
	}
	if _, err := choose("load,asa"); err == nil {
		t.Error("chose a gateway that is not there")
	}
}
