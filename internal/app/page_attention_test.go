package app

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"alta/internal/web"
	"alta/pipeline"
	"alta/store"
)

// brittle is a ledger that fails when it comes to one user, and does not know another.
type brittle struct {
	ledger // of which the test needs no more
	breaks string
	absent string
	erased string
	marked []string
}

var errBrittle = errors.New("the disk is gone")

func (b *brittle) Find(_ context.Context, id string) (store.UserRecord, error) {
	r := store.UserRecord{User: pipeline.User{ID: id, Status: pipeline.Pending}}
	switch id {
	case b.absent:
		return r, store.ErrNotFound
	case b.breaks:
		return r, errBrittle
	case b.erased:
		r.User.Status = pipeline.Erased
	}
	return r, nil
}

func (b *brittle) Mark(_ context.Context, id string, _ pipeline.Status, _ store.Planner, _ store.Act, _ time.Time) error {
	b.marked = append(b.marked, id)
	return nil
}

// Whoever acts on a group reads what was done and what was not, also where the ledger
// fails in the midst of it.
func TestActOnUsersTellsWhatWasDone(t *testing.T) {
	t.Parallel()
	const early, gone, final = "the ledger failed before these were reached; the log says why", "the ledger does not know the user", "the user was erased, which is final"
	for _, test := range []struct {
		it     string
		ledger brittle
		want   web.GroupResult
		marked []string
		fails  bool
	}{
		{"all of it is done", brittle{}, web.GroupResult{Done: 4}, []string{"a", "b", "c", "d"}, false},
		{"some are refused, each for its reason, and the others are done", brittle{absent: "b", erased: "c"},
			web.GroupResult{Done: 2, Refused: []web.Refused{{Why: gone, Users: 1, Sample: "b"}, {Why: final, Users: 1, Sample: "c"}}}, []string{"a", "d"}, false},
		{"the ledger fails before anything is done", brittle{breaks: "a"}, web.GroupResult{}, nil, true},
		{"the ledger fails midway: what was done is told, and that the rest was not", brittle{breaks: "c"},
			web.GroupResult{Done: 2, Refused: []web.Refused{{Why: early, Users: 2, Sample: "c"}}}, []string{"a", "b"}, false},
		{"the ledger fails midway after a refusal", brittle{absent: "a", breaks: "d"},
			web.GroupResult{Done: 2, Refused: []web.Refused{{Why: gone, Users: 1, Sample: "a"}, {Why: early, Users: 1, Sample: "d"}}}, []string{"b", "c"}, false},
	} {
		t.Run(test.it, func(t *testing.T) {
			t.Parallel()
			ledger := test.ledger
			e := &engine{store: &ledger, log: slog.New(slog.DiscardHandler), now: time.Now}
			got, err := attendant{e}.ActOnUsers(t.Context(), []string{"a", "b", "c", "d"}, web.GroupOptOut, web.Act{Actor: "token:mara", Reason: "asked"})
			if (err != nil) != test.fails || test.fails && !errors.Is(err, errBrittle) {
				t.Errorf("error %v", err)
			}
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Errorf("the result differs (-want +got):\n%s", diff)
			}
			if !slices.Equal(ledger.marked, test.marked) {
				t.Errorf("opted out: %q, want %q", ledger.marked, test.marked)
			}
		})
	}
}
