package api

import (
	"net/http"
	"testing"
	"time"
)

func TestLimit(t *testing.T) {
	now := time.Date(2026, 5, 3, 12, 0, 0, 0, time.UTC)
	l := newLimiter(60)
	allow := func(token string) (time.Duration, string) {
		h := http.Header{}
		wait := l.allow(h, token, now)
		if got := h.Get("RateLimit-Policy"); got != `"token";q=60;w=60` {
			t.Errorf("the policy is %s", got)
		}
		return wait, h.Get("RateLimit")
	}
	for i := range 60 {
		wait, left := allow("crm")
		if wait != 0 {
			t.Fatalf("request %d has to wait %s", i+1, wait)
		}
		if i == 0 && left != `"token";r=59;t=1` {
			t.Errorf("after the first request the header says %s", left)
		}
	}
	if wait, left := allow("crm"); wait != time.Second || left != `"token";r=0;t=60` {
		t.Errorf("one too many waits %s, and the header says %s", wait, left)
	}
	if wait, _ := allow("shop"); wait != 0 {
		t.Errorf("another token has to wait %s", wait)
	}
	now = now.Add(time.Second)
	if wait, _ := allow("crm"); wait != 0 {
		t.Errorf("a second later there is still a wait of %s", wait)
	}
	if wait, _ := allow("crm"); wait == 0 {
		t.Error("a second allowed two requests")
	}
}
