package storetest

import (
	"fmt"
	"slices"
	"strings"
)

// check looks for everything that must hold at any time.
func (m *machine) check() {
	if broken := m.column(brokenRules, m.plan.MinGap.Milliseconds(), len(m.inFlight)); len(broken) > 0 {
		m.t.Fatal(strings.Join(broken, "; "))
	}
	m.must(m.ledger.Check(m.t.Context()))
	m.checkAppendOnly()
}

// checkAppendOnly sees to it that attempts are only added and that a delivery
// that is settled stays as it is.
func (m *machine) checkAppendOnly() {
	attempts := m.column(allAttempts)
	if len(attempts) < len(m.attempts) || !slices.Equal(attempts[:len(m.attempts)], m.attempts) {
		m.t.Fatalf("attempts were\n%q\nand are\n%q", m.attempts, attempts)
	}
	m.attempts = attempts
	now := map[string]string{}
	for _, text := range m.column(settledDeliveries) {
		id, rest, _ := strings.Cut(text, ": ")
		now[id] = rest
	}
	for id, was := range m.settled {
		if now[id] != was {
			m.t.Fatalf("delivery %s was settled as %q and is %q", id, was, now[id])
		}
	}
	m.settled = now
}

func (m *machine) column(query string, args ...any) []string {
	m.t.Helper()
	all, err := m.ledger.Column(m.t.Context(), query, args...)
	m.must(err)
	return all
}

// The queries are such that every engine takes them.
const (
	allAttempts = `SELECT id || ' ' || delivery_id || ' ' || at || ' ' || outcome || ' ' || code FROM attempts ORDER BY id`

	settledDeliveries = `SELECT id || ': ' || step || ' ' || round || ' ' || state || ' ' || due_at || ' ' || attempts || ' ' || code
		FROM deliveries WHERE state IN ('sent', 'failed', 'cancelled')`

	dueForOperator = `SELECT d.state FROM deliveries d JOIN users u ON u.key = d.user_key
		WHERE u.id = $1 AND d.state = 'due' AND d.operator AND d.due_at <= $2`

	// putBackDelivery shows a delivery that waits, or is cancelled where its user may
	// not be mailed, with the number of the attempt that comes next.
	putBackDelivery = `SELECT 'due at ' || d.due_at || ', attempt ' || (d.attempts + 1) || ', ' || d.doubts || ' doubts, '
			|| (SELECT count(*) FROM attempts) || ' attempts in all' || CASE WHEN d.repeat THEN ', repeated' ELSE '' END
		FROM deliveries d JOIN users u ON u.key = d.user_key
		WHERE d.id = $1 AND d.state = CASE WHEN ` + mailMayGo + ` THEN 'due' ELSE 'cancelled' END`

	// mayBeMailed finds the delivery if its mail may go out.
	mayBeMailed = `SELECT d.state FROM deliveries d JOIN users u ON u.key = d.user_key WHERE d.id = $1 AND ` + mailMayGo

	mailMayGo = `(u.wanted OR (d.operator AND u.status = 'opted_out' AND NOT u.withdrawn AND NOT u.address_bad))`
)

// rule is the query for how often one does not hold, and what that would be.
type rule struct{ breaches, query string }

// brokenRules is the query for the rules that do not hold, each with how often it
// does not. Its parameters are the gap in milliseconds and how many deliveries are
// in flight.
var brokenRules = func() string {
	var counts []string
	for _, rule := range append([]rule{
		{"users with several open deliveries", `SELECT count(*) FROM (SELECT 1 FROM deliveries
			WHERE state IN ('due', 'claimed', 'sending', 'held', 'doubt') GROUP BY user_key HAVING count(*) > 1) AS several`},
		{"deliveries that wait for users to whom no mail may go", `SELECT count(*) FROM deliveries d JOIN users u ON u.key = d.user_key
			WHERE d.state IN ('due', 'held', 'doubt') AND NOT ` + mailMayGo},
		{"users with several current links", `SELECT count(*) FROM (SELECT 1 FROM links
			WHERE superseded_at IS NULL GROUP BY user_key HAVING count(*) > 1) AS several`},
		{"deliveries with a wrong owner", `SELECT count(*) FROM deliveries WHERE (run_id IS NOT NULL) <> (state IN ('claimed', 'sending'))`},
		{"deliveries on the wire without a link or a message", `SELECT count(*) FROM deliveries
			WHERE state = 'sending' AND (link_id IS NULL OR message_id = '' OR message_date IS NULL OR digest IS NULL)`},
		{"open deliveries in another country than their user", `SELECT count(*) FROM deliveries d JOIN users u ON u.key = d.user_key
			WHERE d.state IN ('due', 'claimed', 'sending', 'held', 'doubt') AND d.country <> u.country`},
		{"users with a wrong count of mails", `SELECT count(*) FROM users u
			WHERE u.mails <> (SELECT count(*) FROM deliveries d WHERE d.user_key = u.key AND d.state = 'sent')`},
		{"erased users with personal data", `SELECT count(*) FROM users u WHERE u.status = 'erased' AND (email <> '' OR name <> ''
			OR EXISTS (SELECT 1 FROM links l WHERE l.user_key = u.key AND (l.sealed IS NOT NULL OR l.fingerprint IS NOT NULL)))`},
		{"links of users who are done", `SELECT count(*) FROM users u JOIN links l ON l.user_key = u.key
			WHERE u.status <> 'pending' AND l.sealed IS NOT NULL
				AND NOT (u.status = 'opted_out' AND EXISTS (SELECT 1 FROM deliveries d WHERE d.link_id = l.id AND d.operator))`},
		{"links that are superseded and readable", `SELECT count(*) FROM links WHERE superseded_at IS NOT NULL AND sealed IS NOT NULL`},
		{"mails within the gap after another that nobody forced", `SELECT count(*) FROM deliveries a JOIN deliveries b ON b.user_key = a.user_key AND b.id > a.id
			WHERE a.state = 'sent' AND b.state IN ('sending', 'sent') AND NOT b.forced AND b.began_at < a.began_at + $1`},
		{"deliveries in flight that the ledger does not know", `SELECT $2 - count(*) FROM deliveries WHERE state IN ('claimed', 'sending')`},
	}, publicRules...) {
		counts = append(counts, fmt.Sprintf(`SELECT (%s) AS n, '%s' AS breaches`, rule.query, rule.breaches))
	}
	return `SELECT n || ' ' || breaches FROM (` + strings.Join(counts, ` UNION ALL `) + `) AS rules WHERE n <> 0`
}()
