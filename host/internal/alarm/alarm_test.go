package alarm

import (
	"testing"
	"time"
)

func TestFiresOnceForEachReset(t *testing.T) {
	fired := make(chan time.Time, 10)
	begin := time.Now()
	a := AfterFunc(20*time.Millisecond, func() { fired <- time.Now() })
	if at := <-fired; at.Sub(begin) < 20*time.Millisecond {
		t.Errorf("it fired after %v", at.Sub(begin))
	}
	a.Reset(0)
	<-fired
	a.Reset(time.Hour)
	a.Reset(time.Millisecond) // in place of the hour
	<-fired
	if a.Stop(); a.Reset(0) || a.Stop() {
		t.Error("it goes on after Stop")
	}
	if len(fired) != 0 {
		t.Error("it fired too often")
	}
}

// A function that sets its own alarm anew does not deadlock.
func TestResetsItself(t *testing.T) {
	var a Timer
	ready, done := make(chan struct{}), make(chan struct{})
	rounds := 0
	a = AfterFunc(time.Millisecond, func() {
		<-ready
		if rounds++; rounds == 5 {
			close(done)
			return
		}
		a.Reset(time.Millisecond)
	})
	close(ready)
	<-done
	a.Stop()
}
