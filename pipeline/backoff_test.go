package pipeline_test

import (
	"testing"
	"time"

	"pgregory.net/rapid"

	"alta/pipeline"
)

// TestBackoff drives the delays through Judge, in a plan without sending hours.
func TestBackoff(t *testing.T) {
	p := usual(t)
	p.Hours, p.Tries = pipeline.Hours{}, 100
	delay := func(id int64, attempt int) time.Duration {
		d := invite()
		d.ID, d.Attempt = id, attempt
		return p.Judge(d, &pipeline.Fault{}, ten).DueAt.Sub(ten)
	}
	t.Run("The delay doubles from a minute to half an hour, each spread up to twice itself.", func(t *testing.T) {
		for i, least := range []time.Duration{1, 2, 4, 8, 16, 30, 30, 30} {
			for id := range int64(200) {
				if got := delay(id, i+1); got < least*time.Minute || got > 2*least*time.Minute {
					t.Errorf("delivery %d, attempt %d: %s, want %d to %d minutes", id, i+1, got, least, 2*least)
				}
			}
		}
	})
	t.Run("Deliveries that failed together do not return together.", func(t *testing.T) {
		seconds := map[time.Duration]bool{}
		for id := range int64(60) {
			seconds[delay(id, 6).Truncate(time.Minute)] = true
		}
		if len(seconds) < 15 {
			t.Errorf("60 deliveries return in %d different minutes of 30", len(seconds))
		}
	})
	t.Run("Any delay lies within a minute and an hour, and is the same each time.", func(t *testing.T) {
		rapid.Check(t, func(t *rapid.T) {
			id, attempt := rapid.Int64().Draw(t, "id"), rapid.IntRange(-1, 99).Draw(t, "attempt")
			got := delay(id, attempt)
			if got < time.Minute || got > time.Hour {
				t.Fatalf("delay = %s", got)
			}
			if again := delay(id, attempt); again != got {
				t.Fatalf("delay = %s, then %s", got, again)
			}
		})
	})
}
