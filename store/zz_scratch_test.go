package store

import (
	"context"
	"fmt"
	"testing"
	"time"

	"alta/pipeline"
)

func TestScratch(t *testing.T) {
	ctx := context.Background()
	s, err := Open(ctx, t.TempDir()+"/a.db")
	if err != nil { t.Fatal(err) }
	defer s.Close()
	plan := pipeline.Plan{MaxMails: 6}
	now := time.Date(2026, 3, 2, 15, 0, 0, 0, time.UTC)
	start := time.Now()
	for b := range 40 {
		var us []pipeline.User
		for i := range 500 {
			c := pipeline.MX
			if i%2 == 0 { c = pipeline.DO }
			us = append(us, pipeline.User{ID: fmt.Sprintf("u-%d-%d", b, i), Email: fmt.Sprintf("u%d-%d@example.com", b, i), Name: "N", Country: c})
		}
		if _, err := s.Enrol(ctx, us, Imported, func(u pipeline.User, h pipeline.History) (pipeline.Next, bool) { return plan.Next(u, h, now) }, now); err != nil { t.Fatal(err) }
	}
	fmt.Println("20000 rows", time.Since(start))
	fmt.Println("backup", s.Backup(ctx, t.TempDir()+"/b.db"))
	for _, q := range []string{
		`INSERT INTO deliveries (user_key, country, step, round, state, due_at, operator, created_at, updated_at)
		SELECT u.key, u.country, ?1,
			1 + coalesce((SELECT max(round) FROM deliveries d WHERE d.user_key = u.key AND d.step = ?1), 0),
			'due', 5, 0, 5, 5
		FROM users u
		WHERE u.id = 'x' AND u.wanted
			AND NOT EXISTS (SELECT 1 FROM deliveries d
				WHERE d.user_key = u.key AND d.state IN ('due', 'claimed', 'sending', 'held', 'doubt'))`,
		`SELECT id FROM deliveries WHERE state = 'due' AND operator = 1 AND due_at <= ? AND country = ? ORDER BY due_at LIMIT ?`,
		`SELECT id FROM deliveries WHERE state = 'due' AND operator = 0 AND due_at <= ? AND country = ? ORDER BY due_at LIMIT ?`,
		`SELECT count(*) FROM deliveries WHERE state = 'due' AND due_at <= ?`,
		`SELECT EXISTS (SELECT 1 FROM deliveries WHERE state = 'due' AND operator = 1 AND due_at <= ?)`,
		`UPDATE deliveries SET state = 'due', run_id = NULL WHERE state = 'claimed'`,
		`SELECT count(*) FROM deliveries WHERE state = 'held'`,
		`SELECT count(*) FROM deliveries WHERE state = 'sending'`,
		`UPDATE deliveries SET state = 'cancelled', updated_at = 1 FROM users u WHERE u.id = ? AND NOT u.wanted AND deliveries.user_key = u.key AND deliveries.state IN ('due', 'held', 'doubt')`,
		`SELECT d.id FROM deliveries d JOIN users u ON u.key = d.user_key LEFT JOIN links l ON l.id = d.link_id AND l.superseded_at IS NULL WHERE d.state = 'due' AND d.due_at <= ? AND NOT EXISTS (SELECT 1 FROM pauses p WHERE p.country IN ('', d.country) AND p.probe_at > ?) ORDER BY d.operator DESC, d.due_at, d.id LIMIT ?`,
		`SELECT d.id FROM deliveries d JOIN users u ON u.key = d.user_key LEFT JOIN links l ON l.id = d.link_id AND l.superseded_at IS NULL WHERE d.id IN (SELECT value FROM json_each(?)) ORDER BY d.operator DESC, d.due_at, d.id`,
		`UPDATE deliveries SET state = 'claimed' WHERE id IN (SELECT value FROM json_each(?))`,
		`SELECT count(*) FILTER (WHERE due_at <= ?1), count(*) FILTER (WHERE attempts > 0) FROM deliveries WHERE state = 'due'`,
		`SELECT d.state FROM deliveries d JOIN users u ON u.key = d.user_key WHERE u.id = ? AND d.state IN ('due', 'claimed', 'sending', 'held', 'doubt')`,
		`SELECT country, status, mails > 0, count(*), count(*) FILTER (WHERE withdrawn = 1) FROM users GROUP BY country, status, mails > 0`,
		`SELECT count(*) FILTER (WHERE l.expires_at > ?1) FROM links l JOIN users u ON u.key = l.user_key WHERE l.superseded_at IS NULL AND u.status = 'pending'`,
		`UPDATE links SET superseded_at = 3 WHERE user_key = (SELECT key FROM users WHERE id = ?) AND superseded_at IS NULL`,
		`SELECT 1 FROM users u WHERE u.email = ? COLLATE NOCASE AND u.email <> '' ORDER BY u.key LIMIT 10`,
		`SELECT 1 FROM users u WHERE u.external_id = ? AND u.external_id <> '' ORDER BY u.key LIMIT 10`,
	} {
		rs, err := s.reads.QueryContext(ctx, "EXPLAIN QUERY PLAN "+q, 1, 1, 1)
		if err != nil { rs, err = s.reads.QueryContext(ctx, "EXPLAIN QUERY PLAN "+q, 1, 1) }
		if err != nil { rs, err = s.reads.QueryContext(ctx, "EXPLAIN QUERY PLAN "+q, 1) }
		if err != nil { rs, err = s.reads.QueryContext(ctx, "EXPLAIN QUERY PLAN "+q) }
		if err != nil { fmt.Println(err); continue }
		fmt.Println(q)
		for rs.Next() { var a, b, c int; var d string; rs.Scan(&a, &b, &c, &d); fmt.Println("    ", d) }
		rs.Close()
	}
}
