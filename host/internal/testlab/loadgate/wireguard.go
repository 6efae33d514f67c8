package loadgate

import (
	"bytes"
	"crypto/ecdh"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"os"

	"github.com/vishvananda/netlink"
	"golang.zx2c4.com/wireguard/conn"
	"golang.zx2c4.com/wireguard/device"
	wgtun "golang.zx2c4.com/wireguard/tun"

	"github.com/penstock-vpn/penstock/host/internal/testlab"
	"github.com/penstock-vpn/penstock/host/internal/testlab/endpoint"
)

// Plain wireguard-go between the two machines, over UDP: what a tunnel in user space
// can do. It is no other gateway for the clients, but a yardstick beside them.

// WireGuard is the client's end, as a client among others.
type WireGuard struct{}

// WireGuardPort is where the gateway's end listens.
const WireGuardPort = 51820

const (
	wireGuardHook = "penstock-wireguard"

	// Addresses in the tunnel.
	gatewayInWireGuard = "10.88.1.1"
	clientInWireGuard  = "10.88.1.2"
)

// end is one end of the tunnel.
type end struct {
	Own, Peer string // addresses inside
	Routes    []string
	Key       byte // private keys are made of it: they protect nothing
	PeerKey   byte
	Listen    int
	Endpoint  string
}

// StartWireGuard starts the gateway's end.
func StartWireGuard(l *testlab.Lab) (*testlab.Process, error) {
	args, err := end{Own: gatewayInWireGuard, Peer: clientInWireGuard, Key: 1, PeerKey: 2, Listen: WireGuardPort}.args()
	if err != nil {
		return nil, err
	}
	return l.Gateway.Start(testlab.Command{Args: args})
}

// Name implements testlab.Client.
func (WireGuard) Name() string { return "wireguard-go" }

// Args implements testlab.Client; there is nothing to log in to.
func (WireGuard) Args(*testlab.Lab, testlab.Spec) []string {
	args, err := end{Own: clientInWireGuard, Peer: gatewayInWireGuard, Routes: []string{testlab.InsideV4 + "/32"}, Key: 2, PeerKey: 1,
		Endpoint: fmt.Sprintf("%s:%d", testlab.GatewayV4, WireGuardPort)}.args()
	if err != nil {
		panic(err) // a program that does not know its own path
	}
	return args
}

func (e end) args() ([]string, error) {
	program, err := os.Executable()
	if err != nil {
		return nil, err
	}
	config, err := json.Marshal(e)
	return []string{program, wireGuardHook, string(config)}, err
}

// initWireGuard turns the process into an end when it was started as one.
func initWireGuard() {
	if len(os.Args) != 3 || os.Args[1] != wireGuardHook {
		return
	}
	var e end
	err := json.Unmarshal([]byte(os.Args[2]), &e)
	if err == nil {
		err = e.run()
	}
	fmt.Fprintln(os.Stderr, err)
	os.Exit(1)
}

// run is one end until the process is ended.
func (e end) run() error {
	dev, err := wgtun.CreateTUN("wg%d", endpoint.MTU)
	if err != nil {
		return err
	}
	name, err := dev.Name()
	if err != nil {
		return err
	}
	d := device.NewDevice(dev, conn.NewDefaultBind(), device.NewLogger(device.LogLevelError, ""))
	config, err := e.config()
	if err != nil {
		return err
	}
	if err := d.IpcSet(config); err != nil {
		return err
	}
	if err := d.Up(); err != nil {
		return err
	}
	if err := e.lead(name); err != nil {
		return err
	}
	<-d.Wait()
	return nil
}

// config is in wireguard-go's own words.
func (e end) config() (string, error) {
	own, err := ecdh.X25519().NewPrivateKey(bytes.Repeat([]byte{e.Key}, 32))
	if err != nil {
		return "", err
	}
	peer, err := ecdh.X25519().NewPrivateKey(bytes.Repeat([]byte{e.PeerKey}, 32))
	if err != nil {
		return "", err
	}
	text := fmt.Sprintf("private_key=%x\nlisten_port=%d\npublic_key=%s\nallowed_ip=0.0.0.0/0\n", own.Bytes(), e.Listen, hex.EncodeToString(peer.PublicKey().Bytes()))
	if e.Endpoint != "" {
		text += "endpoint=" + e.Endpoint + "\n"
	}
	return text, nil
}

// lead brings the device up, with its addresses and routes.
func (e end) lead(name string) error {
	link, err := netlink.LinkByName(name)
	if err != nil {
		return err
	}
	if err := netlink.LinkSetUp(link); err != nil {
		return err
	}
	if err := endpoint.Address(link, e.Own+"/32", e.Peer+"/32"); err != nil {
		return err
	}
	for _, to := range e.Routes {
		dst, err := netlink.ParseIPNet(to)
		if err != nil {
			return err
		}
		if err := netlink.RouteAdd(&netlink.Route{LinkIndex: link.Attrs().Index, Dst: dst}); err != nil {
			return fmt.Errorf("route %s: %w", to, err)
		}
	}
	return nil
}
