package intake_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"alta/internal/intake"
)

// Whoever knocks without a signature fills no log: once a minute is enough.
func TestRefusalsFillNoLog(t *testing.T) {
	clock := noon
	h := startHook(t, func(o *intake.Options) { o.Now = func() time.Time { return clock } })
	knock := func(n int) {
		for range n {
			post(t, "POST", h.url, verified, http.Header{})
		}
	}
	knock(20)
	clock = clock.Add(time.Minute)
	knock(2)
	clock = clock.Add(-time.Hour) // set back
	knock(1)
	if got := strings.Count(h.log.String(), "\n"); got != 3 {
		t.Errorf("%d lines: %s", got, h.log)
	}
	for _, part := range []string{"unsaid_before=0", "unsaid_before=19", "unsaid_before=1\n"} {
		if !strings.Contains(h.log.String(), part) {
			t.Errorf("no %q in %s", part, h.log)
		}
	}
	if diff := cmp.Diff(map[[2]string]int{{"none", "refused"}: 23}, h.count.of); diff != "" {
		t.Errorf("counted (-want +got):\n%s", diff)
	}
}
