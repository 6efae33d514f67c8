package callback

import (
	"context"
	"errors"
	"net"
	"os"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/penstock-vpn/penstock/host/internal/peercred/peercredtest"
)

const stranger = 4242

// listen has a scheme of the test's own: abstract sockets are for all to see.
func listen(t *testing.T) (*Listener, string) {
	t.Helper()
	scheme := "test" + strings.ToLower(t.Name()) + "callback"
	l, err := Listen(scheme[:min(len(scheme), 32)], os.Getuid())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(l.Close)
	return l, l.scheme
}

func waiting(t *testing.T, l *Listener) <-chan string {
	t.Helper()
	came := make(chan string, 1)
	go func() {
		address, err := l.Wait(t.Context())
		if err != nil {
			address = err.Error()
		}
		came <- address
	}()
	return came
}

func TestAnAddressArrives(t *testing.T) {
	l, scheme := listen(t)
	came := waiting(t, l)
	address := strings.ToUpper(scheme) + "://a?b=c\n" + strings.Repeat("x", 100<<10)
	if err := Send(t.Context(), address, os.Getuid()); err != nil {
		t.Fatal(err)
	}
	if got := <-came; got != address {
		t.Errorf("came %.80q", got)
	}
	l.Close()
	if err := Send(t.Context(), address, os.Getuid()); !errors.Is(err, ErrNobody) {
		t.Errorf("after the end: %v", err)
	}
}

func TestAddressesThatAreNone(t *testing.T) {
	for _, address := range []string{"", "noscheme", "https://vpn.test/", "http:x", ":x", "a b:x", "vpncallback:" + strings.Repeat("x", maxAddress), strings.Repeat("v", 40) + ":x"} {
		if err := Send(t.Context(), address, os.Getuid()); !errors.Is(err, ErrNoAddress) {
			t.Errorf("%.40q: %v", address, err)
		}
	}
	if _, err := Listen("https", os.Getuid()); err == nil {
		t.Error("web pages are waited for")
	}
}

func TestOneLoginAtATime(t *testing.T) {
	_, scheme := listen(t)
	if _, err := Listen(scheme, os.Getuid()); err == nil || !strings.Contains(err.Error(), "another login") {
		t.Errorf("%v", err)
	}
}

// What is not the address that is waited for is passed over.
func TestOtherThingsArePassedOver(t *testing.T) {
	l, scheme := listen(t)
	came := waiting(t, l)
	for _, text := range []string{"", "https://vpn.test/", scheme + "x:y", scheme + ":" + strings.Repeat("x", maxAddress)} {
		c, err := net.Dial("unix", name(scheme, os.Getuid()))
		if err != nil {
			t.Fatal(err)
		}
		_, _ = c.Write([]byte(text))
		_ = c.(*net.UnixConn).CloseWrite()
		if n, _ := c.Read(make([]byte, 9)); n > 0 {
			t.Errorf("%.40q was taken", text)
		}
		_ = c.Close()
	}
	if err := Send(t.Context(), scheme+":good", os.Getuid()); err != nil {
		t.Error(err)
	}
	if got := <-came; got != scheme+":good" {
		t.Errorf("came %.80q", got)
	}
}

func TestWaitEndsWithItsContext(t *testing.T) {
	l, _ := listen(t)
	ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond)
	defer cancel()
	if _, err := l.Wait(ctx); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("%v", err)
	}
}

// Strangers can take the names of abstract sockets and connect to them.
func TestStrangers(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("only root can be somebody else")
	}
	l, scheme := listen(t)
	came := waiting(t, l)
	if err := peercredtest.AsUser(t, stranger, func() error {
		fd, err := unix.Socket(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
		if err != nil {
			return err
		}
		defer unix.Close(fd)
		if err := unix.Connect(fd, &unix.SockaddrUnix{Name: name(scheme, os.Getuid())}); err != nil {
			return err
		}
		_, _ = unix.Write(fd, []byte(scheme+":forged"))
		_ = unix.Shutdown(fd, unix.SHUT_WR)
		if n, _ := unix.Read(fd, make([]byte, 9)); n > 0 {
			t.Error("a stranger's address was taken")
		}
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	if err := Send(t.Context(), scheme+":true", os.Getuid()); err != nil {
		t.Error(err)
	}
	if got := <-came; got != scheme+":true" {
		t.Errorf("came %q", got)
	}
	var squatter int
	if err := peercredtest.AsUser(t, stranger, func() (err error) {
		if squatter, err = unix.Socket(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0); err != nil {
			return err
		}
		return errors.Join(unix.Bind(squatter, &unix.SockaddrUnix{Name: name("squatted", os.Getuid())}), unix.Listen(squatter, 1))
	}); err != nil {
		t.Fatal(err)
	}
	defer unix.Close(squatter)
	if err := Send(t.Context(), "squatted:secret", os.Getuid()); !errors.Is(err, ErrNobody) {
		t.Errorf("to a stranger: %v", err)
	}
	fd, _, err := unix.Accept(squatter)
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(fd)
	if n, _ := unix.Read(fd, make([]byte, 64)); n > 0 {
		t.Error("a stranger was told")
	}
}
