package mtu

import "testing"

func TestChoose(t *testing.T) {
	cases := map[string]struct {
		path     Wire
		overhead int
		gateway  Inner
		min      Inner
		want     Inner
	}{
		"path limits":         {1500, 80, 0, MinIPv4, 1420},
		"gateway limits":      {1500, 80, 1406, MinIPv4, 1406},
		"path unknown":        {0, 80, 1406, MinIPv4, 1406},
		"nothing known":       {0, 80, 0, MinIPv4, Max},
		"floor of ipv4":       {600, 80, 0, MinIPv4, 576},
		"floor of ipv6":       {1320, 80, 1250, MinIPv6, 1280},
		"path below overhead": {40, 80, 0, MinIPv4, 576},
	}
	for name, c := range cases {
		if got := Choose(c.path, c.overhead, c.gateway, c.min); got != c.want {
			t.Errorf("%s: %d, want %d", name, got, c.want)
		}
	}
}

func TestConversionIsReversible(t *testing.T) {
	for w := Wire(68); w < 10000; w += 77 {
		if back := w.Inner(81).Wire(81); back != w {
			t.Fatalf("%d became %d", w, back)
		}
	}
}

func TestFits(t *testing.T) {
	if !Fits(1420, 1500, 80) || Fits(1421, 1500, 80) || !Fits(Max, 0, 80) {
		t.Error("Fits is wrong at its border")
	}
}

func TestMin(t *testing.T) {
	if Min(false) != 576 || Min(true) != 1280 {
		t.Error("Min is wrong")
	}
}

func TestLowerFallsToTheEnd(t *testing.T) {
	if got := Lower(1500); got != 1492 {
		t.Errorf("below 1500 comes %d", got)
	}
	for w := Wire(70000); w > 68; {
		next := Lower(w)
		if next >= w {
			t.Fatalf("Lower(%d) = %d", w, next)
		}
		w = next
	}
	if Lower(68) != 68 || Lower(0) != 68 {
		t.Error("the lowest plateau is 68")
	}
}
