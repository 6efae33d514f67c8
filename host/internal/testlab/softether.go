package testlab

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"time"
)

// Softether says how the gateway's SoftEther VPN server is to be.
type Softether struct {
	PSK string // of L2TP over IPsec
}

// What SoftEther is known by.
const (
	softetherDir   = "/usr/libexec/softether/vpnserver"
	softetherHub   = "lab"
	softetherTap   = "tap_vpn"
	softetherInner = "10.88.0.1" // the gateway, inside
)

// SoftetherServer is a running SoftEther VPN server. Its clients are on one network with
// a device of the gateway, 10.88.0.1.
//
//	client tun 10.88.0.10 ... ─ L2TP or SSTP ─ virtual hub ─ tap_vpn 10.88.0.1 ─ lo 10.99.0.1
type SoftetherServer struct {
	*Process
	lab *Lab
	dir string
}

// StartSoftether starts SoftEther on the gateway and waits until it takes calls.
func (l *Lab) StartSoftether(s Softether) (*SoftetherServer, error) {
	v := &SoftetherServer{lab: l, dir: filepath.Join(l.Gateway.Dir, "softether")}
	if err := v.place(); err != nil {
		return nil, err
	}
	if err := v.start(); err != nil {
		return nil, err
	}
	return v, v.configure(s)
}

// place makes the folders that Debian's build wants to be the machine's own.
func (v *SoftetherServer) place() error {
	if err := os.MkdirAll(v.dir, 0o755); err != nil {
		return err
	}
	if err := mendFile(filepath.Join(softetherDir, "vpnserver"), filepath.Join(v.dir, "vpnserver")); err != nil {
		return err
	}
	if err := os.Symlink(filepath.Join(softetherDir, "hamcore.se2"), filepath.Join(v.dir, "hamcore.se2")); err != nil {
		return err
	}
	for _, dir := range []string{"/var/lib", "/var/log"} {
		if _, err := v.lab.Gateway.Run("mount", "-t", "tmpfs", "softether", dir); err != nil {
			return err
		}
	}
	for _, dir := range []string{"/var/lib", "/var/log", "/run"} {
		if err := os.MkdirAll(v.lab.Gateway.Path(dir+"/softether"), 0o755); err != nil {
			return err
		}
	}
	return nil
}

func (v *SoftetherServer) start() (err error) {
	v.Process, err = v.lab.Gateway.Start(Command{Args: []string{filepath.Join(v.dir, "vpnserver"), "execsvc"}})
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	err = Await(ctx, "SoftEther to listen", func() bool { return v.ended() || v.lab.Gateway.Listens(5555) })
	if err == nil && v.ended() {
		err = fmt.Errorf("SoftEther did not start: %s", v.Tail(20))
	}
	return err
}

func (v *SoftetherServer) configure(s Softether) error {
	out, err := v.Command(
		"HubCreate "+softetherHub+" /PASSWORD:",
		"BridgeCreate "+softetherHub+" /DEVICE:vpn /TAP:yes",
		"IPsecEnable /L2TP:yes /L2TPRAW:no /ETHERIP:no /PSK:"+s.PSK+" /DEFAULTHUB:"+softetherHub,
		"SstpEnable yes",
		"ServerCertSet /LOADCERT:"+v.lab.PKI.Cert("server")+" /LOADKEY:"+v.lab.PKI.Key("server"),
		"Hub "+softetherHub,
		"UserCreate "+User+" /GROUP:none /REALNAME:none /NOTE:none",
		"UserPasswordSet "+User+" /PASSWORD:"+Password,
		"SecureNatHostSet /MAC:none /IP:10.88.0.2 /MASK:255.255.255.0",
		"DhcpSet /START:10.88.0.10 /END:10.88.0.200 /MASK:255.255.255.0 /EXPIRE:7200 /GW:"+softetherInner+" /DNS:"+InsideV4+" /DNS2:none /DOMAIN:corp.test /LOG:no",
		"NatDisable",
		"SecureNatEnable",
		"Flush", // to its file, which it reads after Restart
	)
	if err == nil {
		err = v.inside()
	}
	if err != nil {
		return fmt.Errorf("SoftEther: %w: %s", err, out)
	}
	return nil
}

// inside gives the gateway its address once there is the device.
func (v *SoftetherServer) inside() error {
	ctx, cancel := context.WithTimeout(context.Background(), 15*time.Second)
	defer cancel()
	err := Await(ctx, softetherTap, func() bool { return v.lab.Gateway.setUp(softetherTap) == nil })
	if err != nil {
		return err
	}
	return v.lab.Gateway.address(softetherTap, softetherInner+"/24")
}

// Command runs commands of SoftEther's control program, which reads them from a file.
func (v *SoftetherServer) Command(commands ...string) (string, error) {
	file := filepath.Join(v.dir, "commands")
	if err := os.WriteFile(file, []byte(strings.Join(commands, "\n")+"\n"), 0o600); err != nil {
		return "", err
	}
	return v.lab.Gateway.Run("vpncmd", "localhost:5555", "/SERVER", "/IN:"+file)
}

var sessionUser = regexp.MustCompile(`User Name\s*\|` + User + `\s`)

// Sessions is how many users are logged in.
func (v *SoftetherServer) Sessions() (int, error) {
	out, err := v.Command("Hub "+softetherHub, "SessionList")
	return len(sessionUser.FindAllString(out, -1)), err
}

// Restart kills SoftEther and starts it anew, with the settings that it had.
func (v *SoftetherServer) Restart() error {
	if err := v.kill(); err != nil {
		return err
	}
	if err := v.start(); err != nil {
		return err
	}
	return v.inside()
}

// kill ends it and its children at once.
func (v *SoftetherServer) kill() error {
	for _, p := range v.lab.Gateway.Programs() {
		if strings.Contains(p.Command, "vpnserver execsvc") {
			_ = v.lab.Gateway.Kill("KILL", p.Pid) // one may have gone with another
		}
	}
	if _, err := v.Stop(syscall.SIGKILL, 10*time.Second); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	return Await(ctx, "no "+softetherTap, func() bool {
		_, err := v.lab.Gateway.link.LinkByName(softetherTap)
		return err != nil
	})
}
