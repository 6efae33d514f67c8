package tun

import (
	"bytes"
	"testing"
	"testing/synctest"
)

func TestChannelCarriesVectors(t *testing.T) {
	a, b := NewChannel("test0", 1400)
	if n, err := a.Write([][]byte{[]byte("..one"), []byte("..three")}, 2); n != 2 || err != nil {
		t.Fatal(n, err)
	}
	bufs, sizes := [][]byte{make([]byte, 10), make([]byte, 10), make([]byte, 10)}, make([]int, 3)
	n, err := b.Read(bufs, sizes, 1)
	if n != 2 || err != nil || string(bufs[0][1:1+sizes[0]]) != "one" || string(bufs[1][1:1+sizes[1]]) != "three" {
		t.Errorf("%d %v %q %v", n, err, bufs, sizes)
	}
	if err := a.SetMTU(1280); err != nil || a.MTU() != 1280 || b.MTU() != 1400 {
		t.Error("MTU", err, a.MTU(), b.MTU())
	}
}

func TestChannelCloseEndsReadAndWrite(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, _ := NewChannel("test0", 1400)
		errs := make(chan error)
		go func() {
			_, err := a.Read([][]byte{make([]byte, 10)}, make([]int, 1), 0)
			errs <- err
		}()
		go func() {
			for {
				if _, err := a.Write([][]byte{{1}}, 0); err != nil {
					errs <- err
					return
				}
			}
		}()
		synctest.Wait()
		if err := a.Close(); err != nil {
			t.Error(err)
		}
		for range 2 {
			if err := <-errs; !isClosed(err) {
				t.Errorf("%v", err)
			}
		}
	})
}

func TestChannelDoesNotAllocate(t *testing.T) {
	a, b := NewChannel("test0", 1400)
	vec := [][]byte{bytes.Repeat([]byte{1}, 1400)}
	bufs, sizes := [][]byte{make([]byte, 1500)}, make([]int, 1)
	if n := testing.AllocsPerRun(100, func() {
		_, _ = a.Write(vec, 0)
		_, _ = b.Read(bufs, sizes, 0)
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func TestLimit(t *testing.T) {
	a, b := NewChannel("test0", 1400)
	l := Limit(b, 2)
	if l.BatchSize() != 2 || Limit(b, channelBatch) != Device(b) {
		t.Error(l.BatchSize())
	}
	vec := [][]byte{{1}, {2}, {3}}
	if _, err := a.Write(vec, 0); err != nil {
		t.Fatal(err)
	}
	for _, want := range []int{2, 1} {
		if n, err := l.Read([][]byte{make([]byte, 9), make([]byte, 9)}, make([]int, 2), 0); n != want || err != nil {
			t.Errorf("%d packets, %v; want %d", n, err, want)
		}
	}
}
