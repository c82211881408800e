package postgres

import (
	"regexp"
	"strings"
	"testing"

	"alta/store"
)

// What is asked at each click follows an index, among twenty thousand users with a
// lasting link each.
func TestWhatIsAskedAtAClickIsFoundByItsIndex(t *testing.T) {
	s := newStore(t)
	fillLedger(t, s)
	s.exec(t, `INSERT INTO links (user_key, token, issued_at, expires_at) SELECT key, sha256(id::bytea), 0, 253402300799999 FROM users ORDER BY key`)
	s.exec(t, `UPDATE deliveries d SET link_id = l.id FROM links l WHERE l.user_key = d.user_key`)
	s.exec(t, `INSERT INTO sessions (user_key, state, began_at, lease_ends, issued_at, expires_at, sealed, fingerprint)
		SELECT user_key, 'open', 0, 0, 0, 1, '\x01', sha256(id::text::bytea) FROM links ORDER BY id`)
	s.exec(t, `INSERT INTO visits (link_id, kind, hour, n, first_at, last_at) SELECT id, 'open', 0, 1, 0, 0 FROM links ORDER BY id`)
	s.exec(t, `INSERT INTO news (external_id, event, user_key, effect, n, first_at, last_at, settled_at) SELECT id, 'X', key, 'known', 1, 0, 0, 0 FROM users ORDER BY key`)
	for _, table := range []string{"links", "sessions", "visits", "news"} {
		s.exec(t, `VACUUM (ANALYZE) `+table)
	}
	token := make([]byte, 32)
	for _, test := range []struct {
		sentence, index, query string
		args                   []any
	}{
		{"A ticket.", "links_token", ticketQuery, []any{token, store.OperatorHold}},
		{"When links were minted for a user.", "sessions_user", mintsQuery, []any{7, 0}},
		{"The session that lives longest.", "sessions_user", openSessionQuery, []any{7}},
		{"A session that failed lately.", "sessions_failed", troubleQuery, []any{7, 0, "MX", "INDIVIDUAL"}},
		{"The mints whose lease is over.", "sessions_lease", lapsedQuery, []any{7}},
		{"The visits of a user.", "visits_link_id_kind_hour_key", visitsQuery, []any{"user-7"}},
		{"News that waits.", "news_waiting", newsQuery + inboxFirst, []any{7}},
		{"News of a user.", "news_user", newsQuery + newsOfUser, []any{"user-7"}},
		{"Who has the same link.", "sessions_fingerprint", sharersQuery, []any{token, "user-7"}},
		{"Users who open their link.", "users_pkey", openUsers, []any{[]int64{7}, []int64{7}, []bool{true}}},
	} {
		t.Run(test.sentence, func(t *testing.T) {
			for _, mode := range []string{"force_custom_plan", "force_generic_plan"} {
				plan := planOf(t, s, mode, test.query, test.args...)
				if !strings.Contains(plan, test.index) {
					t.Errorf("%s: the index is not used:\n%s", mode, plan)
				}
				if bad := regexp.MustCompile(`Seq Scan on (deliveries|users|links|sessions|visits|news)`).FindString(plan); bad != "" {
					t.Errorf("%s: %s in\n%s", mode, bad, plan)
				}
			}
		})
	}
}
