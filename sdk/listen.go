package sdk

import (
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"math"
	"net"
	"os"
	"os/signal"
	"path/filepath"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/health"
	"google.golang.org/grpc/health/grpc_health_v1"

	"github.com/penstock-vpn/penstock/sdk/mtls"
	"github.com/penstock-vpn/penstock/sdk/pluginpb"
)

// This is the plugin's side of go-plugin's protocol, as far as Penstock uses it: no
// broker, no copy of stdout. It is written here for its certificate, see package mtls.
//
//	host:   starts us with the cookie, its certificate and a folder for the socket
//	plugin: listens, prints one line: versions, address, "grpc", certificate
//	host:   connects, asks for the health of the service "plugin"

const (
	coreVersion   = 1        // of go-plugin's handshake
	healthService = "plugin" // what go-plugin asks for
	socketDirEnv  = "PLUGIN_UNIX_SOCKET_DIR"
)

// serve runs until the host goes away.
func serve(service pluginpb.PluginServer) error {
	if os.Getenv(MagicCookieKey) != MagicCookieValue {
		return errors.New("this is a plugin of Penstock, which starts it by itself; see `penstock plugin list`")
	}
	options, certificate, err := security()
	if err != nil {
		return err
	}
	listener, err := net.Listen("unix", filepath.Join(socketDir(), "plugin-"+rand.Text()))
	if err != nil {
		return fmt.Errorf("open the plugin's socket: %w", err)
	}
	signal.Ignore(os.Interrupt) // meant for the host, in a terminal
	s := grpc.NewServer(append(options, grpc.MaxRecvMsgSize(math.MaxInt32), grpc.MaxSendMsgSize(math.MaxInt32))...)
	pluginpb.RegisterPluginServer(s, service)
	alive := health.NewServer()
	alive.SetServingStatus(healthService, grpc_health_v1.HealthCheckResponse_SERVING)
	grpc_health_v1.RegisterHealthServer(s, alive)
	fmt.Printf("%d|%d|unix|%s|grpc|%s\n", coreVersion, ProtocolVersion, listener.Addr(), base64.RawStdEncoding.EncodeToString(certificate))
	return s.Serve(listener)
}

// security is mutual TLS when the host sent a certificate.
func security() ([]grpc.ServerOption, []byte, error) {
	host := os.Getenv(mtls.ClientCertEnv)
	if host == "" {
		return nil, nil, nil
	}
	config, certificate, err := mtls.Plugin([]byte(host))
	if err != nil {
		return nil, nil, err
	}
	return []grpc.ServerOption{grpc.Creds(credentials.NewTLS(config))}, certificate, nil
}

func socketDir() string {
	if dir := os.Getenv(socketDirEnv); dir != "" {
		return dir
	}
	return os.TempDir()
}
