package tunnel

import (
	"context"
	"crypto/rand"
	"fmt"
	"net"
	"time"

	"github.com/penstock-vpn/penstock/plugins/internal/httpc"
	"github.com/penstock-vpn/penstock/sdk"
	"github.com/penstock-vpn/penstock/sdk/diag"
)

// What makes a tunnel of an HTTPS connection ([MS-SSTP] 3.2.4.1): a request without end,
// of the length that stands for that, to an address that all gateways have.
const (
	method  = "SSTP_DUPLEX_POST"
	target  = "/sra_{BA195980-CD49-458b-9E23-C84EE0ADCD75}/"
	endless = "18446744073709551615"

	openTime = 60 * time.Second
)

// open connects to the gateway. The bytes are of the tunnel, and were read with the answer.
func (s *session) open(ctx context.Context) (*sdk.Transport, []byte, error) {
	ctx, cancel := context.WithTimeout(ctx, openTime)
	defer cancel()
	u := s.o.Gateway
	conn, err := s.host.OpenTLS(ctx, u.Hostname(), httpc.Port(u), sdk.TLSOptions{ClientCertificate: true})
	if err != nil {
		return nil, nil, err
	}
	over, err := s.post(ctx, conn)
	if err != nil {
		_ = conn.Close()
		return nil, nil, err
	}
	return conn, over, nil
}

func (s *session) post(ctx context.Context, conn *sdk.Transport) ([]byte, error) {
	client := &httpc.Client{Dial: func(context.Context, string, int) (net.Conn, error) { return conn, nil }}
	if s.o.Trace {
		client.Trace = s.host.TraceText
	}
	r, _, over, err := client.Tunnel(ctx, method, s.o.Gateway, target, httpc.Header{
		{Name: "SSTPCORRELATIONID", Value: correlation()}, {Name: "Content-Length", Value: endless},
	})
	switch {
	case err != nil:
		return nil, err
	case r.Status != 200:
		return nil, diag.New(diag.Protocol, fmt.Sprintf("the gateway answers %d %s where a tunnel was asked for", r.Status, r.Reason),
			"Check that the address is that of an SSTP gateway, and its port.").With("gateway")
	}
	return over, nil
}

// correlation is a number for the gateway's log, which says nothing of us.
func correlation() string {
	var b [16]byte
	_, _ = rand.Read(b[:]) // never fails
	b[6], b[8] = b[6]&0x0f|0x40, b[8]&0x3f|0x80
	return fmt.Sprintf("{%X-%X-%X-%X-%X}", b[:4], b[4:6], b[6:8], b[8:10], b[10:])
}
