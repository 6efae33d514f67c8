package trace

import (
	"bytes"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/penstock-vpn/penstock/host/internal/tun"
)

const password = "correct-horse"

// recorder writes to a new file.
func recorder(t *testing.T, o Options) (*Recorder, string) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "trace.pcapng")
	file, err := Create(path)
	if err != nil {
		t.Fatal(err)
	}
	o.Application, o.Warn = "penstock 1.2.3", func(text string) { t.Log(text) }
	r := New(file, o)
	t.Cleanup(func() { _ = r.Close() })
	return r, path
}

func shut(t *testing.T, r *Recorder) {
	t.Helper()
	if err := r.Close(); err != nil {
		t.Fatal(err)
	}
}

// packet is an UDP datagram in IPv4, with the checksum of its header.
func packet(payload string) []byte {
	b := []byte{0x45, 0, 0, 0, 0, 0, 0, 0, 64, 17, 0, 0, 10, 0, 0, 1, 10, 0, 0, 2, 0x30, 0x39, 0, 9, 0, 0, 0, 0}
	b = append(b, payload...)
	binary.BigEndian.PutUint16(b[2:], uint16(len(b)))
	binary.BigEndian.PutUint16(b[24:], uint16(len(b)-20))
	sum := uint32(0)
	for i := 0; i < 20; i += 2 {
		sum += uint32(binary.BigEndian.Uint16(b[i:]))
	}
	binary.BigEndian.PutUint16(b[10:], ^uint16(sum+sum>>16))
	return b
}

func tshark(t *testing.T, args ...string) string {
	t.Helper()
	out, err := exec.Command(args[0], args[1:]...).Output()
	if err != nil {
		var failed *exec.ExitError
		if errors.As(err, &failed) {
			t.Fatalf("%v: %v: %s", args, err, failed.Stderr)
		}
		t.Fatal(err)
	}
	return string(out)
}

func wants(t *testing.T, text string, parts ...string) {
	t.Helper()
	for _, part := range parts {
		if !strings.Contains(text, part) {
			t.Errorf("%q is missing in\n%s", part, text)
		}
	}
}

// Wireshark reads every kind of record, and shows names, directions and comments.
func TestWiresharkReadsIt(t *testing.T) {
	r, path := recorder(t, Options{})
	r.Hide(password)
	r.Name(netip.MustParseAddr("10.0.0.2"), "vpn.example.com")
	r.Name(netip.MustParseAddr("fd00::2"), "vpn6.example.com")
	near, _ := tun.NewChannel("tun0", 1400)
	dev := r.Device(near)
	if _, err := dev.Write([][]byte{packet("inward")}, 0); err != nil {
		t.Fatal(err)
	}
	r.Text("> POST /login HTTP/1.1\n> Host: vpn.example.com\n> Content-Type: text/xml\n> Content-Length: 999\n> \n> <?xml version=\"1.0\"?><auth><password>" + password + "</password></auth>")
	r.Text("< HTTP/1.1 200 OK\n< Content-Type: text/xml\n< Transfer-Encoding: chunked\n< \n< <?xml version=\"1.0\"?><ok/>")
	r.Text("--> IKE_AUTH request 1: IDi alice, AUTH, password " + password)
	r.Note("path %d is up", 7)
	r.Frame("ppp", 3, true, 0x1c021, []byte{0xc0, 0x21, 9, 1, 0, 8, 1, 2, 3, 4})
	r.Frame(L2TP, 3, false, 0x20000, []byte{0xc8, 2, 0, 12, 0, 1, 0, 0, 0, 1, 0, 1})
	r.Text("sent StopCCN, Ns 5, Nr 2")
	r.Text("received ZLB, Ns 2, Nr 6")
	shut(t, r)

	wants(t, tshark(t, "capinfos", "-M", path), "penstock 1.2.3", "Name = penstock inner", "Name = penstock outer", "Name = penstock control",
		"Encapsulation = Raw IP", "Encapsulation = Wireshark Upper PDU export", "Number of interfaces in file: 3", "Number of stat entries = 1", "Number of packets:   9")
	seen := tshark(t, "tshark", "-r", path, "-T", "fields", "-E", "separator=|", "-e", "frame.interface_name", "-e", "frame.packet_flags",
		"-e", "frame.protocols", "-e", "http.request.uri", "-e", "http.response.code", "-e", "xml.tag", "-e", "ppp.protocol", "-e", "frame.comment")
	t.Log(seen)
	wants(t, seen, "penstock inner|0x00000001|raw:ip:udp", "penstock control|0x00000002|exported_pdu:http:xml|/login", "penstock control|0x00000001|exported_pdu:http:xml||200",
		"HTTP to the gateway", "HTTP from the gateway", "--> IKE_AUTH request 1: IDi alice", "path 7 is up", "exported_pdu:ppp:lcp", "path 3, control frame of type 0x1c021 to the gateway, 10 bytes",
		"0x00000002|exported_pdu:data-text-lines|||||sent StopCCN", "0x00000001|exported_pdu:data-text-lines|||||received ZLB")
	if tunnel := tshark(t, "tshark", "-r", path, "-Y", "l2tp", "-T", "fields", "-e", "l2tp.tunnel", "-e", "frame.comment"); !strings.HasPrefix(tunnel, "1\tpath 3, ") {
		t.Errorf("L2TP is %q", tunnel)
	}
	if bad := tshark(t, "tshark", "-r", path, "-Y", "_ws.malformed || _ws.expert.severity == error"); bad != "" {
		t.Errorf("Wireshark minds:\n%s", bad)
	}
	wants(t, tshark(t, "tshark", "-r", path, "-N", "nN", "-Y", "ip", "-T", "fields", "-e", "ip.dst_host"), "vpn.example.com")
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if bytes.Contains(text, []byte(password)) {
		t.Error("the password is in the file")
	}
}

// Whoever asks for secrets gets them, and the keys of TLS before what they open.
func TestSecretsWhenAskedFor(t *testing.T) {
	r, path := recorder(t, Options{Secrets: true})
	r.Hide(password)
	if _, err := r.KeyLog().Write([]byte("CLIENT_RANDOM 00 11\n")); err != nil {
		t.Fatal(err)
	}
	r.Text("> the password is " + password)
	shut(t, r)
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Contains(text, []byte(password)) || !bytes.Contains(text, []byte("CLIENT_RANDOM 00 11")) {
		t.Error("secrets are missing")
	}
	wants(t, tshark(t, "capinfos", "-M", path), "Number of decryption secrets in file: 1")
	without, _ := recorder(t, Options{})
	if without.KeyLog() != nil {
		t.Error("keys are given away that nobody asked for")
	}
}

func TestHidden(t *testing.T) {
	r, _ := recorder(t, Options{})
	r.Hide("s3cr&t pass")
	r.Hide("abc") // too short to be a secret
	for _, text := range []string{
		"s3cr&t pass", "s3cr%26t+pass", "s3cr&t%20pass", "s3cr&amp;t pass",
		base64.StdEncoding.EncodeToString([]byte("s3cr&t pass")), base64.StdEncoding.EncodeToString([]byte("alice:s3cr&t pass")),
		base64.StdEncoding.EncodeToString([]byte("bo:s3cr&t pass")), base64.StdEncoding.EncodeToString([]byte("u:s3cr&t pass!")),
	} {
		clean := string(r.hidden.clean([]byte("<" + text + ">")))
		if len(clean) != len(text)+2 || strings.Count(clean, "*") < len("s3cr&t pass") {
			t.Errorf("%s becomes %s", text, clean)
		}
	}
	if clean := string(r.hidden.clean([]byte("abc"))); clean != "abc" {
		t.Errorf("abc becomes %s", clean)
	}
}

// stuck is a file on a disk that does not answer.
type stuck struct{ release chan struct{} }

func (s stuck) Write(b []byte) (int, error) { <-s.release; return len(b), nil }
func (s stuck) Close() error                { return nil }

// What does not fit the queue is dropped and counted; nobody waits for the disk.
func TestNobodyWaitsForTheDisk(t *testing.T) {
	file := stuck{make(chan struct{})}
	r := New(file, Options{})
	large := make([]byte, 4<<10)
	for range maxQueued + 100 {
		r.packet(Inner, true, large)
	}
	if waiting := r.queued.Load(); waiting > maxQueuedBytes {
		t.Errorf("%d bytes wait", waiting)
	}
	received, dropped := r.count[Inner].received.Load(), r.count[Inner].dropped.Load()
	if received != maxQueued+100 || dropped < received-maxQueuedBytes/uint64(len(large))-flushSize/uint64(len(large))-1 {
		t.Errorf("%d of %d packets were dropped", dropped, received)
	}
	close(file.release)
	shut(t, r)
}

// The statistics of the file tell of what was dropped.
func TestDropsAreTold(t *testing.T) {
	var told [interfaces]uint64
	r, _ := recorder(t, Options{})
	r.count[Outer].received.Store(10)
	r.count[Outer].dropped.Store(4)
	b := r.statistics(nil, &told, false)
	at := bytes.Index(b, option(option(nil, optReceived, order.AppendUint64(nil, 10)), optDropped, order.AppendUint64(nil, 4)))
	if order.Uint32(b) != statisticsBlock || order.Uint32(b[8:]) != uint32(Outer) || at < 0 {
		t.Errorf("statistics are %x", b)
	}
	if more := r.statistics(nil, &told, false); len(more) != 0 {
		t.Errorf("told again: %x", more)
	}
}

// What was written when the host is killed is whole: nothing stays in the process.
func TestWholeWithoutAnEnd(t *testing.T) {
	r, path := recorder(t, Options{})
	r.packet(Inner, true, packet("last words"))
	for end := time.Now().Add(10 * time.Second); ; {
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if bytes.Contains(text, []byte("last words")) {
			break
		}
		if time.Now().After(end) {
			t.Fatal("it never came")
		}
	}
	wants(t, tshark(t, "capinfos", "-M", path), "Number of packets:   1")
}

func TestNoFileIsWrittenOver(t *testing.T) {
	_, path := recorder(t, Options{})
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("%v, %v", info, err)
	}
	if _, err := Create(path); err == nil || !strings.Contains(err.Error(), "is there already") {
		t.Errorf("a file that is there: %v", err)
	}
	link := filepath.Join(t.TempDir(), "link")
	if err := os.Symlink(filepath.Join(t.TempDir(), "elsewhere"), link); err != nil {
		t.Fatal(err)
	}
	if _, err := Create(link); err == nil {
		t.Error("a link was followed")
	}
}

// broken fails at once.
type broken struct{}

func (broken) Write([]byte) (int, error) { return 0, errors.New("no space left on device") }
func (broken) Close() error              { return nil }

func TestFullDisk(t *testing.T) {
	said := make(chan string, 4)
	r := New(broken{}, Options{Warn: func(text string) { said <- text }})
	r.Note("something")
	if err := r.Close(); err == nil || !strings.Contains(fmt.Sprint(err), "no space left") {
		t.Errorf("closed with %v", err)
	}
	if text := <-said; !strings.Contains(text, "no space left") {
		t.Errorf("it said %q", text)
	}
}

// Who records nothing calls the same.
func TestNothingIsRecorded(t *testing.T) {
	var r *Recorder
	r.Text("x")
	r.Note("x")
	r.Frame("data", 1, true, 1, nil)
	r.Name(netip.MustParseAddr("10.0.0.1"), "x")
	r.Around(netip.MustParseAddr("10.0.0.1"))
	r.Hide("secret")
	if r.KeyLog() != nil || r.Device(nil) != nil || r.Close() != nil {
		t.Error("a recorder that is nil did something")
	}
}

func TestOnlyHTTPIsHTTP(t *testing.T) {
	for text, want := range map[string]string{
		"> GET / HTTP/1.1\n> Host: a":     "GET / HTTP/1.1\r\nHost: a\r\n\r\n",
		"< HTTP/1.1 204 No Content":       "HTTP/1.1 204 No Content\r\nContent-Length: 0\r\n\r\n",
		"> GET / HTTP/1.1\nHost: a":       "",
		"> hello":                         "",
		"> SSTP_DUPLEX_POST /x/ HTTP/1.1": "SSTP_DUPLEX_POST /x/ HTTP/1.1\r\n\r\n",
		"< GET / HTTP/1.1":                "",
		"":                                "",
		"> POST / HTTP/1.1\n>\n> a\n> b":  "POST / HTTP/1.1\r\nContent-Length: 3\r\n\r\na\nb",
		"< HTTP/1.1 200 OK\n< Content-Length: 9\n< \n< ok": "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok",
	} {
		if _, got := parseHTTP(text); string(got) != want {
			t.Errorf("%q becomes %q, want %q", text, got, want)
		}
	}
}
