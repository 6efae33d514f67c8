package main

import (
	"context"
	"encoding/json"
	"os/exec"

	"github.com/penstock-vpn/penstock/sdk"
)

// probe says what it can do, as JSON in one Progress message.
type probe struct{ behaviour string }

func (p *probe) Describe() sdk.Description {
	return sdk.Description{
		Name: "probe", Version: "1.0.0", Needs: []string{sdk.NeedTCP},
		Protocols: []sdk.Protocol{{Name: "probe", Label: "Probe"}},
	}
}

func (p *probe) Connect(ctx context.Context, s *sdk.Session) error {
	switch p.behaviour {
	case "eat":
		eat(s)
	case "panic":
		panic("I cannot go on")
	case "echo":
		return echo(ctx, s)
	case "children":
		for range 3 {
			if err := exec.Command("/bin/sleep", "1000").Start(); err != nil {
				return err
			}
		}
		s.Info("ready")
		<-ctx.Done()
		return nil
	case "flood":
		s.Info("ready")
		<-ctx.Done()
		return nil
	case "wait":
		s.Info("ready")
		<-ctx.Done()
		return nil
	}
	report, err := json.Marshal(look())
	if err != nil {
		return err
	}
	s.Info("%s", report)
	return nil
}

// eat takes memory until there is none.
func eat(s *sdk.Session) {
	var held [][]byte
	for {
		block := make([]byte, 16<<20)
		for i := 0; i < len(block); i += 4096 {
			block[i] = 1
		}
		held = append(held, block)
		s.Info("%d MiB", 16*len(held))
	}
}

// echo opens a transport and sends back what it reads there.
func echo(ctx context.Context, s *sdk.Session) error {
	if err := s.Phase(sdk.Authenticating); err != nil {
		return err
	}
	t, err := s.OpenTCP(ctx, "gateway.test", 443)
	if err != nil {
		return err
	}
	defer t.Close()
	buf := make([]byte, 512)
	n, err := t.Read(buf)
	if err != nil {
		return err
	}
	_, err = t.Write(buf[:n])
	return err
}
