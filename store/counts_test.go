package store

import (
	"strings"
	"testing"

	"alta/pipeline"
)

// A count that differs from the rows, whichever it is and whichever way, is found
// by the check.
func TestACountThatDiffersFromTheRowsIsFound(t *testing.T) {
	for _, test := range []struct{ sentence, tamper string }{
		{"A user is not counted.", `UPDATE funnel_counts SET users = users - 1 WHERE users > 0`},
		{"A user is counted who is not there.", `UPDATE funnel_counts SET users = 1 WHERE key = 95`},
		{"What is due was forgotten.", `DELETE FROM queue_counts`},
		{"Something is due that is not there.", `INSERT INTO queue_counts (key, deliveries) VALUES (127, 1)`},
		{"Something counts as a retry.", `UPDATE queue_counts SET retries = 1`},
		{"A link is not counted.", `DELETE FROM link_expiry`},
		{"A link is counted that is not there.", `INSERT INTO link_expiry VALUES (1, 1)`},
		{"A mail is counted that was never sent.", `INSERT INTO mail_counts VALUES (8, 1)`},
		{"A failure is counted that was none.", `INSERT INTO trouble_counts VALUES (4, 1)`},
		{"A user has opened a link and is not counted.", `UPDATE reached_counts SET users = 1 WHERE key = 1`},
		{"A user waits for a person and nobody knows.", `INSERT INTO attention VALUES (1, 1, 'held', 'x', 'MX', 0)`},
		{"The users who wait for a person are counted wrongly.", `INSERT INTO attention_counts VALUES ('held', 'x', 'MX', 1)`},
	} {
		t.Run(test.sentence, func(t *testing.T) {
			s := openAt(t, newPath(t))
			enrolIDs(t, s, "a", "b")
			run, _, err := s.StartRun(t.Context(), ByCommand, noon, 0, noon)
			if err != nil {
				t.Fatal(err)
			}
			q := s.Queue(run, Everything)
			batch, err := q.Pull(t.Context(), noon, 1)
			if err != nil {
				t.Fatal(err)
			}
			fill(t, q, &batch.Deliveries[0])
			if err := s.Check(t.Context()); err != nil {
				t.Fatalf("before anything was changed: %v", err)
			}
			if _, err := s.writer.db.Exec(test.tamper); err != nil {
				t.Fatal(err)
			}
			if err := s.Check(t.Context()); err == nil || !strings.Contains(err.Error(), "what is counted differs") {
				t.Errorf("the check returned %v", err)
			}
		})
	}
}

// The brake on large runs looks at what is due and not at what is put off.
func TestWhatIsPutOffIsNotDue(t *testing.T) {
	s := openAt(t, newPath(t))
	enrolIDs(t, s, "a", "b", "c")
	if _, err := s.writer.db.Exec(`UPDATE deliveries SET due_at = due_at + 86400000 WHERE id > 1`); err != nil {
		t.Fatal(err)
	}
	outlook, err := s.Outlook(t.Context(), noon)
	if err != nil {
		t.Fatal(err)
	}
	queue, _, err := s.QueueStatus(t.Context(), noon)
	if err != nil {
		t.Fatal(err)
	}
	due, err := s.CountDue(t.Context(), noon)
	if err != nil || due != 1 || outlook.Due != 1 || queue.DueNow != 1 || queue.Later != 2 {
		t.Errorf("due are %d (%v), %d for the guard, %d and %d later for the status; want 1 and 2 later", due, err, outlook.Due, queue.DueNow, queue.Later)
	}
}

// Minutes in which nothing is counted any more are dropped.
func TestCountsOfNothingAreDropped(t *testing.T) {
	s := openAt(t, newPath(t))
	enrolIDs(t, s, "a")
	if err := s.Mark(t.Context(), "a", pipeline.Verified, nil, Act{"olga", "test"}, noon); err != nil {
		t.Fatal(err)
	}
	left := func() (n int) {
		if err := s.reads.QueryRow(`SELECT count(*) FROM queue_counts`).Scan(&n); err != nil {
			t.Fatal(err)
		}
		return n
	}
	if left() == 0 {
		t.Fatal("nothing was counted, so the test would prove nothing")
	}
	if err := s.Shred(t.Context(), noon); err != nil {
		t.Fatal(err)
	}
	if n := left(); n != 0 {
		t.Errorf("%d rows of nothing are left", n)
	}
}

// An upgrade counts what is there: every state, both countries and types, with
// and without attempts, links that are current and such that are not.
func TestAnUpgradeCountsWhatIsThere(t *testing.T) {
	path := newPath(t)
	fileOf(nil)(t, path)
	old := openOld(t, path, 3)
	for _, statement := range []string{
		`INSERT INTO runs (id, trigger, started_at, min_gap) VALUES (1, 'command', 0, 0)`,
		`WITH RECURSIVE n (i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i < 767)
			INSERT INTO users (key, id, email, name, country, locale, time_zone, type, status, mails, withdrawn, address_bad, created_at, updated_at)
			SELECT i + 1, 'u' || i, '', '', iif(i & 1, 'DO', 'MX'), 'es-MX', '', iif(i & 2, 'BUSINESS', 'INDIVIDUAL'),
				CASE i % 11 WHEN 0 THEN 'in_review' WHEN 1 THEN 'verified' WHEN 2 THEN 'rejected' WHEN 3 THEN 'opted_out' WHEN 4 THEN 'erased' ELSE 'pending' END,
				i / 4 % 2, i % 7 = 0, i % 13 = 0, 0, 0 FROM n`,
		`INSERT INTO links (id, user_key, issued_at, expires_at, superseded_at)
			SELECT key, key, 0, key * 30000, iif(key % 5 = 0, 1, NULL) FROM users WHERE key % 3 = 0`,
		`INSERT INTO deliveries (user_key, country, type, step, round, state, due_at, operator, attempts, run_id, link_id, message_id, message_date, digest, created_at, updated_at)
			SELECT key, country, type, 'invite', 1,
				CASE key / 8 % 8 WHEN 0 THEN 'due' WHEN 1 THEN 'claimed' WHEN 2 THEN 'sending' WHEN 3 THEN 'sent'
					WHEN 4 THEN 'failed' WHEN 5 THEN 'held' WHEN 6 THEN 'cancelled' ELSE 'doubt' END,
				key * 20000, key / 64 % 2, key / 4 % 3, iif(key / 8 % 8 IN (1, 2), 1, NULL), NULL, '', NULL, NULL, 0, 0 FROM users`,
	} {
		if _, err := old.Exec(statement); err != nil {
			t.Fatal(err)
		}
	}
	if err := old.Close(); err != nil {
		t.Fatal(err)
	}
	s := openAt(t, path)
	if err := s.Check(t.Context()); err != nil {
		t.Error(err)
	}
	for _, view := range []string{`funnel WHERE users > 0`, `queue WHERE deliveries > 0`, `link_expiry`} {
		var rows int
		if err := s.reads.QueryRow(`SELECT count(*) FROM ` + view).Scan(&rows); err != nil || rows < 30 {
			t.Errorf("only %d rows in %s (%v), so little was proven", rows, view, err)
		}
	}
}
