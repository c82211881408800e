package postgres

import (
	"fmt"
	"regexp"
	"strings"
	"testing"
	"time"

	"alta/pipeline"
	"alta/store"
)

// Whoever asks what is due follows the index of what is due to the lane, among
// twenty thousand deliveries of which nearly all are put off or sent.
func TestWhatIsDueIsFoundByItsIndex(t *testing.T) {
	s := newStore(t)
	fillLedger(t, s)
	ms, later := noon.UnixMilli(), noon.Add(pipeline.LongestPause).UnixMilli()
	minute := []any{pipeline.MX, pipeline.Individual, false, noon.UnixMilli(), noon.Add(time.Minute).UnixMilli()}
	for _, test := range []struct {
		sentence, query string
		args            []any
	}{
		{"A list of what is due.", `SELECT d.id FROM deliveries d ` + dueQuery, []any{ms, later, 10}},
		{"A list of all that is due.", `SELECT d.id FROM deliveries d ` + dueQuery, []any{ms, later, (*int)(nil)}},
		{"The times of what is due.", dueTimesQuery, []any{ms}},
		{"The first within a minute.", firstInMinute, minute},
		{"The last within a minute.", lastInMinute, minute},
		{"How many within a minute.", countInMinute, minute},
		{"What operators asked for.", operatorDueLook, []any{ms}},
	} {
		t.Run(test.sentence, func(t *testing.T) {
			for _, mode := range []string{"force_custom_plan", "force_generic_plan"} {
				plan := planOf(t, s, mode, test.query, test.args...)
				if !strings.Contains(plan, "deliveries_due") {
					t.Errorf("%s: the index is not used:\n%s", mode, plan)
				}
				if bad := regexp.MustCompile(`Seq Scan on (deliveries|users|links)`).FindString(plan); bad != "" {
					t.Errorf("%s: %s in\n%s", mode, bad, plan)
				}
			}
		})
	}
	if n, err := s.CountDue(t.Context(), noon); err != nil || n != 20 {
		t.Errorf("%d are due, want 20: %v", n, err)
	}
	if ds, err := s.Due(t.Context(), noon, 0); err != nil || len(ds) != 20 {
		t.Errorf("%d are listed as due, want 20: %v", len(ds), err)
	}
}

// A page of a list follows the index of the users, however few match.
func TestAPageOfUsersIsFoundByItsIndex(t *testing.T) {
	s := newStore(t)
	fillLedger(t, s)
	plan := planOf(t, s, "force_custom_plan", `SELECT u.id FROM users u `+listedQuery, 0, 10, []string{"MX"}, []string{"verified", "rejected"})
	if !strings.Contains(plan, "users_listed") || strings.Contains(plan, "Seq Scan on users") {
		t.Error(plan)
	}
}

// fillLedger makes a ledger of twenty thousand users, twenty of whom are due.
func fillLedger(t *testing.T, s *Store) {
	t.Helper()
	users := numbered("user", 20_000)
	now := noon
	plan := func(pipeline.User, pipeline.History) (pipeline.Next, bool) {
		now = now.Add(time.Second)
		return pipeline.Next{Step: pipeline.Invite, DueAt: now.Add(-20 * time.Second)}, true
	}
	if _, err := s.Enrol(t.Context(), users, store.Imported, plan, noon); err != nil {
		t.Fatal(err)
	}
	s.exec(t, `UPDATE deliveries SET state = 'sent', ended_at = 1 WHERE id % 2 = 0 AND due_at > $1`, noon.UnixMilli())
	for _, table := range []string{"users", "deliveries", "queue_counts"} {
		s.exec(t, `VACUUM (ANALYZE) `+table)
	}
}

// planOf is the plan for a statement that the server has prepared, as pgx has it.
func planOf(t *testing.T, s *Store, mode, query string, args ...any) string {
	t.Helper()
	conn, err := s.pool.Acquire(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Release()
	if _, err := conn.Exec(t.Context(), `SET plan_cache_mode = `+mode); err != nil {
		t.Fatal(err)
	}
	defer conn.Exec(t.Context(), `RESET plan_cache_mode`)
	lines, err := column[string](t.Context(), conn, `EXPLAIN (COSTS OFF) `+query, args...)
	if err != nil {
		t.Fatal(fmt.Errorf("%s: %w", query, err))
	}
	return strings.Join(lines, "\n")
}
