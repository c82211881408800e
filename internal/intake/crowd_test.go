package intake_test

import (
	"fmt"
	"log/slog"
	"net/http"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"alta/internal/intake"
	"alta/internal/sandbox"
	"alta/pipeline"
)

// Webhooks of twenty users come fourfold, out of order and all at once, over real
// connections: each is answered 200 and told to the ledger once for each time that
// it came, and every user ends where the partner's last word puts them.
func TestConcurrentWebhooks(t *testing.T) {
	const users, times = 20, 4
	h := startHook(t, func(o *intake.Options) { o.Log = slog.New(slog.DiscardHandler) })
	for n := range users {
		h.ledger.users[fmt.Sprint("user-", n)] = pipeline.Pending
	}
	api, err := sandbox.StartAPI(sandbox.APIOptions{Now: fixedClock, WebhookURL: h.url, WebhookSecret: previous})
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := api.Close(); err != nil {
			t.Error(err)
		}
	}()
	var senders sync.WaitGroup
	for range times {
		for _, event := range []string{"VERIFIED_USER", "CREATED_KYC", "REVIEW_NEEDED_KYC"} {
			senders.Go(func() {
				for n := range users {
					if status, err := api.Fire(t.Context(), event, fmt.Sprint("user-", n)); status != http.StatusOK || err != nil {
						t.Errorf("%s of user-%d: %d, %v", event, n, status, err)
					}
				}
			})
		}
	}
	senders.Wait()
	told := map[pipeline.News]int{}
	for _, n := range h.ledger.got {
		told[n]++
	}
	want := map[pipeline.News]int{}
	for n := range users {
		id := fmt.Sprint("user-", n)
		if got := h.ledger.users[id]; got != pipeline.Verified {
			t.Errorf("%s is %s", id, got)
		}
		want[pipeline.News{ExternalID: id, Event: "VERIFIED_USER", Status: pipeline.Verified}] = times
		want[pipeline.News{ExternalID: id, Event: "CREATED_KYC", Status: pipeline.InReview}] = times
		want[pipeline.News{ExternalID: id, Event: "REVIEW_NEEDED_KYC", Status: pipeline.InReview}] = times
	}
	if diff := cmp.Diff(want, told); diff != "" {
		t.Errorf("the ledger was told (-want +got):\n%s", diff)
	}
	if got := h.count.of[[2]string{"VERIFIED_USER", "applied"}]; got != users {
		t.Errorf("%d users were verified once, want %d", got, users)
	}
	counted := 0
	for _, n := range h.count.of {
		counted += n
	}
	if counted != users*times*3 {
		t.Errorf("%d webhooks were counted, want %d", counted, users*times*3)
	}
}
