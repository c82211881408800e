package store

import (
	"database/sql"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"alta/pipeline"
)

var (
	// byLane matches a step that finds what is due of one lane: the country, the
	// type and the operator lead to it, and the time bounds it.
	byLane = regexp.MustCompile(`^SEARCH (deliveries|d) USING (COVERING )?INDEX deliveries_due ` +
		`\(country=\? AND type=\? AND operator=\? AND due_at[<>]\?( AND due_at<\?)?\)$`)

	// byRow matches every other step that may read a table: it finds rows by their
	// number, by all that names them or by the user, or the table is one that stays small (the
	// minutes of what is counted, a pause for each lane, what a run has in hand).
	byRow = regexp.MustCompile(`^(` + strings.Join([]string{
		`SEARCH (deliveries|d|u|l) USING INTEGER PRIMARY KEY \(rowid=\?\)( LEFT-JOIN)?`,
		`SEARCH s USING INDEX sqlite_autoindex_deliveries_1 \(user_key=\? AND step=\?\)`,
		`SEARCH o USING COVERING INDEX sqlite_autoindex_deliveries_1 \(user_key=\?\)`,
		`SEARCH links USING INDEX links_user \(user_key=\?\)`,
		`SEARCH (sessions|s) USING (COVERING )?INDEX sessions_user \(user_key=\?\)`,
		`SEARCH a USING INDEX attempts_delivery \(delivery_id=\?\)`,
		`SEARCH deliveries USING INDEX deliveries_owned \(run_id>\?\)`,
		`SEARCH queue_counts USING PRIMARY KEY \((key>\? AND )?key<\?\)`,
		`SEARCH p USING PRIMARY KEY \(country=\?( AND type=\?)?\)`,
		`SCAN pauses`,
		`SCAN json_each VIRTUAL TABLE INDEX 1:`,
		`(SCAN|SEARCH) \(subquery-\d+\)`,
	}, `|`) + `)$`)

	reads  = regexp.MustCompile(`^(SCAN|SEARCH) `)
	laneIn = regexp.MustCompile(`state = 'due' AND country\b`)
)

// Whoever asks what is due, a pull or a look, follows the index of what is due to
// the lane and reads no table through. The plans are those of the statements as
// they were executed, with what was bound to them, since SQLite may choose by that.
func TestWhatIsDueIsFoundByItsIndex(t *testing.T) {
	half := noon.Add(30 * time.Second)
	for _, test := range []struct {
		sentence string
		ask      func(*testing.T, *Store, *Queue) error
		executes []string // parts of statements that must be among those that it executes
	}{
		{"A count of what is due asks deliveries only in the minute of now.",
			func(t *testing.T, s *Store, _ *Queue) error {
				n, err := s.CountDue(t.Context(), half)
				if n != 3 {
					t.Errorf("%d are due, want 3", n)
				}
				return err
			}, []string{"FROM queue_counts", "coalesce(min(due_at), 0) FROM deliveries", "coalesce(max(due_at), 0) FROM deliveries", "count(*) FROM deliveries", "due_at >= ? AND due_at < ?"}},
		{"The state of the queue asks for the times too, of each lane.",
			func(t *testing.T, s *Store, _ *Queue) error {
				q, _, err := s.QueueStatus(t.Context(), half)
				if !q.OldestDue.Equal(noon) || !q.NextDue.Equal(noon.Add(40*time.Second)) {
					t.Errorf("due since %s and next at %s", q.OldestDue, q.NextDue)
				}
				return err
			}, []string{"due_at <= ?1\n", "due_at > ?1\n"}},
		{"A list of what is due.",
			func(t *testing.T, s *Store, _ *Queue) error {
				ds, err := s.Due(t.Context(), half, 10)
				if len(ds) != 3 {
					t.Errorf("%d are due, want 3", len(ds))
				}
				return err
			}, []string{"UNION ALL"}},
		{"A pull.",
			func(t *testing.T, _ *Store, q *Queue) error {
				batch, err := q.Pull(t.Context(), half, 10)
				if len(batch.Deliveries) != 3 {
					t.Errorf("%d were pulled, want 3", len(batch.Deliveries))
				}
				return err
			}, []string{"SELECT id FROM deliveries"}},
		{"A pull of what operators asked for.",
			func(t *testing.T, s *Store, q *Queue) error {
				_, err := s.Queue(q.run, OperatorsOnly).Pull(t.Context(), half, 10)
				return err
			}, []string{"SELECT id FROM deliveries"}},
		{"A probe of a country.",
			func(t *testing.T, s *Store, q *Queue) error {
				return probeIn(t, s, q, pipeline.Pause{Country: pipeline.MX, Type: pipeline.Individual, Since: noon, ProbeAt: noon}, half)
			}, []string{"min(updated_at)"}},
		{"A probe in an outage.",
			func(t *testing.T, s *Store, q *Queue) error {
				return probeIn(t, s, q, pipeline.Pause{Since: noon, ProbeAt: noon}, half)
			}, []string{"min(updated_at)"}},
	} {
		t.Run(test.sentence, func(t *testing.T) {
			s, said := openRecorded(t) // one is due in it
			enrolIDs(t, s, "a", "b")
			later := pipeline.User{ID: "c", Email: "c@example.com", Name: "C", Country: pipeline.MX}
			if _, err := s.Enrol(t.Context(), []pipeline.User{later}, Imported, inviteAt(noon.Add(40*time.Second)), noon); err != nil {
				t.Fatal(err)
			}
			run, _, err := s.StartRun(t.Context(), BySchedule, noon, 0, noon)
			if err != nil {
				t.Fatal(err)
			}
			before := len(said.calls)
			if err := test.ask(t, s, s.Queue(run, Everything)); err != nil {
				t.Fatal(err)
			}
			calls := said.calls[before:]
			for _, part := range test.executes {
				if !slices.ContainsFunc(calls, func(c call) bool { return strings.Contains(c.query, part) }) {
					t.Errorf("no statement has %q", part)
				}
			}
			for _, c := range calls {
				wantIndexOfDue(t, c, planOf(t, s, c.query, c.args...))
			}
		})
	}
}

// probeIn pauses and pulls, and wants a probe.
func probeIn(t *testing.T, s *Store, q *Queue, p pipeline.Pause, now time.Time) error {
	t.Helper()
	if err := s.write(t.Context(), func(tx *sql.Tx) error { return setPause(tx, pipeline.Verdict{Pause: &p}) }); err != nil {
		return err
	}
	batch, err := q.Pull(t.Context(), now, 10)
	if !batch.Probe || len(batch.Deliveries) != 1 {
		t.Errorf("a probe is %t, with %d deliveries", batch.Probe, len(batch.Deliveries))
	}
	return err
}

// wantIndexOfDue wants a plan that finds each lane of what is due by the index, in
// its order, and all else by rows. Only the few that were found are sorted, the
// operators' first, or the few lanes.
func wantIndexOfDue(t *testing.T, c call, plan []string) {
	t.Helper()
	byIndex, sorts := 0, 0
	for _, step := range plan {
		switch {
		case byLane.MatchString(step):
			byIndex++
		case strings.HasPrefix(step, "USE TEMP B-TREE"):
			sorts++
		case reads.MatchString(step) && !byRow.MatchString(step):
			t.Errorf("%s\n\tof the statement\n%s\n\twith %v", step, c.query, c.args)
		}
	}
	if lanes := len(laneIn.FindAllString(c.query, -1)); byIndex != lanes {
		t.Errorf("%d of %d lanes are found by the index: %q\n\tof the statement\n%s", byIndex, lanes, plan, c.query)
	}
	if most := strings.Count(c.query, "operator DESC") + strings.Count(c.query, "GROUP BY lane"); sorts > most {
		t.Errorf("it sorts %d times, want %d at most: %q\n\tof the statement\n%s", sorts, most, plan, c.query)
	}
}
