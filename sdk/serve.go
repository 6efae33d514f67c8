package sdk

import (
	"fmt"
	"net"
	"os"
	"strconv"
	"syscall"

	"google.golang.org/protobuf/encoding/protojson"
)

// Serve is a plugin's main: it serves p to the host that started the process and
// ends with it. Called with the single argument --manifest it prints p's description
// as JSON (protojson of DescribeResponse) instead. A panic ends the process; the
// host then starts it again and resumes.
func Serve(p Plugin) {
	if len(os.Args) == 2 && os.Args[1] == "--manifest" {
		printManifest(p)
		return
	}
	socket, err := descriptorSocket()
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	service := &server{plugin: p, fds: newDescriptors(socket)}
	if socket != nil {
		go func() {
			<-service.fds.gone // the host is gone, and nothing can be opened any more
			os.Exit(0)
		}()
	}
	if err := serve(service); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func printManifest(p Plugin) {
	out, err := protojson.MarshalOptions{Multiline: true}.Marshal(p.Describe().message())
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	fmt.Println(string(out))
}

// descriptorSocket takes over the socket that EnvFD names; nil when there is none.
func descriptorSocket() (*net.UnixConn, error) {
	value, ok := os.LookupEnv(EnvFD)
	if !ok {
		return nil, nil
	}
	fd, err := strconv.ParseUint(value, 10, 16)
	if err != nil {
		return nil, fmt.Errorf("%s=%q is not the number of a descriptor", EnvFD, value)
	}
	syscall.CloseOnExec(int(fd))
	f := os.NewFile(uintptr(fd), "descriptors")
	defer f.Close()
	c, err := net.FileConn(f)
	if err != nil {
		return nil, fmt.Errorf("%s=%d: %w", EnvFD, fd, err)
	}
	socket, ok := c.(*net.UnixConn)
	if !ok {
		_ = c.Close()
		return nil, fmt.Errorf("%s=%d is not a unix socket", EnvFD, fd)
	}
	return socket, nil
}
