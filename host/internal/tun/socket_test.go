package tun

import (
	"bytes"
	"fmt"
	"os"
	"testing"

	"golang.org/x/sys/unix"
)

func openSocket(t *testing.T) (Device, *os.File) {
	t.Helper()
	dev, theirs, err := OpenSocket("(script)")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _, _ = dev.Close(), theirs.Close() })
	return dev, theirs
}

func TestSocketCarriesPackets(t *testing.T) {
	dev, theirs := openSocket(t)
	for i := range 3 {
		if _, err := fmt.Fprintf(theirs, "packet %d", i); err != nil {
			t.Fatal(err)
		}
	}
	bufs, sizes := [][]byte{make([]byte, 20), make([]byte, 20), make([]byte, 20), make([]byte, 20)}, make([]int, 4)
	n, err := dev.Read(bufs, sizes, 2)
	if n != 3 || err != nil || string(bufs[2][2:2+sizes[2]]) != "packet 2" {
		t.Fatalf("%d packets, %v: %q %v", n, err, bufs, sizes)
	}
	if n, err := dev.Write([][]byte{[]byte("..one"), []byte("..three")}, 2); n != 2 || err != nil {
		t.Fatal(n, err)
	}
	got := make([]byte, 20)
	for _, want := range []string{"one", "three"} {
		if n, err := theirs.Read(got); err != nil || string(got[:n]) != want {
			t.Errorf("%q, %v", got[:n], err)
		}
	}
	if dev.Name() != "(script)" || dev.SetMTU(1300) != nil {
		t.Error(dev.Name())
	}
}

// VPNFD is a socket for datagrams, whose limits let a packet of full size pass.
func TestSocketTakesLargePackets(t *testing.T) {
	dev, theirs := openSocket(t)
	if kind, err := unix.GetsockoptInt(int(theirs.Fd()), unix.SOL_SOCKET, unix.SO_TYPE); err != nil || kind != unix.SOCK_DGRAM {
		t.Error(kind, err)
	}
	large := bytes.Repeat([]byte{7}, 65535)
	if _, err := dev.Write([][]byte{large}, 0); err != nil {
		t.Fatal(err)
	}
	got := make([]byte, 70000)
	if n, err := theirs.Read(got); err != nil || !bytes.Equal(got[:n], large) {
		t.Error(n, err)
	}
}

func TestSocketEnds(t *testing.T) {
	dev, theirs := openSocket(t)
	ended := make(chan error)
	go func() {
		_, err := dev.Read([][]byte{make([]byte, 20)}, make([]int, 1), 0)
		ended <- err
	}()
	if err := theirs.Close(); err != nil {
		t.Fatal(err)
	}
	if n, err := dev.Write([][]byte{[]byte("lost")}, 0); n != 0 || !isClosed(err) {
		t.Errorf("%d packets went to nobody: %v", n, err)
	}
	if err := dev.Close(); err != nil {
		t.Error(err)
	}
	if err := <-ended; !isClosed(err) {
		t.Errorf("Read ended with %v", err)
	}
}

// A program that does not read loses packets; it does not stop who writes to it.
func TestSocketDropsWhatNobodyReads(t *testing.T) {
	dev, _ := openSocket(t)
	vec := [][]byte{bytes.Repeat([]byte{1}, 60000)}
	for taken := 1; taken == 1; {
		var err error
		if taken, err = dev.Write(vec, 0); (err != nil) != (taken == 0) || isClosed(err) {
			t.Fatal(taken, err)
		}
	}
}

func TestSocketDoesNotAllocate(t *testing.T) {
	dev, theirs := openSocket(t)
	packet := bytes.Repeat([]byte{1}, 1400)
	vec, bufs, sizes := [][]byte{packet}, [][]byte{make([]byte, 1500)}, make([]int, 1)
	got := make([]byte, 1500)
	if n := testing.AllocsPerRun(100, func() {
		_, _ = dev.Write(vec, 0)
		_, _ = theirs.Read(got)
		_, _ = theirs.Write(packet)
		_, _ = dev.Read(bufs, sizes, 0)
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}
