package postgres

import (
	"context"
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5"
)

// folding is the advisory lock of whoever folds the counts.
const folding = 0x666f6c64 // "fold" in ASCII

// count is one of the tables of what the triggers count.
type count struct {
	table string
	by    string // the columns that tell its counts apart
	sums  string // the columns that are counted
	empty string // the condition under which nothing is counted
	found string // counts the same anew, column by column
}

func counted() []count {
	return []count{
		{
			table: "funnel_counts", by: "status, country, mailed, withdrawn, address_bad",
			sums: "sum(users)::bigint", empty: "sum(users) = 0",
			found: `SELECT status, country, mails > 0, withdrawn, address_bad, count(*) FROM users GROUP BY 1, 2, 3, 4, 5`,
		},
		{
			table: "queue_counts", by: "minute, state, country, type, operator",
			sums: "sum(deliveries)::bigint, sum(retries)::bigint", empty: "sum(deliveries) = 0 AND sum(retries) = 0",
			found: `SELECT CASE state WHEN 'due' THEN due_at / 60000 ELSE 0 END, state, country, type, operator,
					count(*), count(*) FILTER (WHERE attempts > 0)
				FROM deliveries WHERE state IN ('due', 'held', 'doubt', 'failed') GROUP BY 1, 2, 3, 4, 5`,
		},
		{
			table: "link_expiry", by: "minute",
			sums: "sum(links)::bigint", empty: "sum(links) = 0",
			found: `SELECT l.expires_at / 60000, count(*) FROM links l JOIN users u ON u.key = l.user_key
				WHERE l.superseded_at IS NULL AND u.status = 'pending' GROUP BY 1`,
		},
		{
			table: "forecast_counts", by: "hour, country, step, operator",
			sums: "sum(deliveries)::bigint", empty: "sum(deliveries) = 0",
			found: `SELECT due_at / 3600000, country, step, operator, count(*) FROM deliveries WHERE state = 'due' GROUP BY 1, 2, 3, 4`,
		},
		{
			table: "mail_counts", by: "hour, country, step",
			sums: "sum(mails)::bigint", empty: "sum(mails) = 0",
			found: `SELECT ended_at / 3600000, country, step, count(*) FROM deliveries WHERE state = 'sent' GROUP BY 1, 2, 3`,
		},
		{
			table: "trouble_counts", by: "hour, outcome",
			sums: "sum(attempts)::bigint", empty: "sum(attempts) = 0",
			found: `SELECT at / 3600000, outcome, count(*) FROM attempts WHERE outcome IN ('failed', 'held', 'doubt') GROUP BY 1, 2`,
		},
		{
			table: "reached_counts", by: "what, country",
			sums: "sum(users)::bigint", empty: "sum(users) = 0",
			found: `SELECT 0, country, count(*) FROM users WHERE status = 'pending' AND opened_at IS NOT NULL GROUP BY 2
				UNION ALL SELECT CASE WHEN took < 3600000 THEN 1 WHEN took < 21600000 THEN 2 WHEN took < 86400000 THEN 3
					WHEN took < 259200000 THEN 4 WHEN took < 604800000 THEN 5 WHEN took < 1209600000 THEN 6 ELSE 7 END, country, count(*)
				FROM (SELECT country, verified_at - invited_at AS took FROM users WHERE verified_at IS NOT NULL AND invited_at IS NOT NULL) t GROUP BY 1, 2`,
		},
		{
			table: "attention_counts", by: "state, code, country",
			sums: "sum(users)::bigint", empty: "sum(users) = 0",
			found: `SELECT state, code, country, count(*) FROM attention GROUP BY 1, 2, 3`,
		},
	}
}

// waitingKept are the rows of those who wait for a person, and waitingFound finds
// them anew.
const (
	waitingKept  = `SELECT user_key, delivery_id, state, code, country FROM attention`
	waitingFound = `SELECT d.user_key, d.id, d.state, d.code, d.country FROM deliveries d JOIN users u ON u.key = d.user_key
		WHERE (d.state IN ('held', 'doubt') OR d.state = 'failed' AND u.status = 'pending' AND NOT u.withdrawn)
			AND NOT EXISTS (SELECT FROM deliveries o WHERE o.user_key = d.user_key AND o.id > d.id)`
)

// kept is the query for the sums of what is counted.
func (c count) kept() string {
	return `SELECT ` + c.by + `, ` + c.sums + ` FROM ` + c.table + ` GROUP BY ` + c.by + ` HAVING NOT (` + c.empty + `)`
}

// fold is the statement that makes one row of each count that has several, and
// none of one that has come to nothing. It sees one moment: rows that others add
// meanwhile stay as they are.
func (c count) fold() string {
	return `WITH several AS (SELECT ` + c.by + ` FROM ` + c.table + ` GROUP BY ` + c.by + ` HAVING count(*) > 1 OR (` + c.empty + `)),
		gone AS (DELETE FROM ` + c.table + ` WHERE (` + c.by + `) IN (SELECT ` + c.by + ` FROM several) RETURNING *)
		INSERT INTO ` + c.table + ` SELECT ` + c.by + `, ` + c.sums + ` FROM gone GROUP BY ` + c.by + ` HAVING NOT (` + c.empty + `)`
}

// FoldCounts makes one row of all that was appended about each count, so that to
// sum it up stays cheap. Where another machine does so already, it does nothing.
func (s *Store) FoldCounts(ctx context.Context) error {
	err := s.write(ctx, func(ctx context.Context, tx pgx.Tx) error {
		var mine bool
		if err := tx.QueryRow(ctx, `SELECT pg_try_advisory_xact_lock($1)`, folding).Scan(&mine); err != nil || !mine {
			return err
		}
		for _, c := range counted() {
			if _, err := tx.Exec(ctx, c.fold()); err != nil {
				return fmt.Errorf("fold %s: %w", c.table, err)
			}
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("fold the counts: %w", err)
	}
	return nil
}

// Check returns an error where a count differs from the rows. The guard and the
// status go by the counts alone, and whoever changes the database by other means
// than alta may have left them behind. It reads every user, delivery and link.
func (s *Store) Check(ctx context.Context) error {
	err := s.look(ctx, func(tx pgx.Tx) error { // so that nothing changes in between
		compared := [][3]string{{"attention", waitingKept, waitingFound}}
		for _, c := range counted() {
			compared = append(compared, [3]string{c.table, c.kept(), c.found})
		}
		for _, c := range compared {
			var differ bool
			err := tx.QueryRow(ctx, `WITH kept AS (`+c[1]+`), found AS (`+c[2]+`)
				SELECT EXISTS (SELECT * FROM kept EXCEPT SELECT * FROM found) OR EXISTS (SELECT * FROM found EXCEPT SELECT * FROM kept)`).Scan(&differ)
			if err == nil && differ {
				err = errors.New("what is counted differs from what is there, so that the status and the guard go by wrong figures; was the database changed by other means than alta? Restore a backup: " + c[0])
			}
			if err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("check the counts of the ledger: %w", err)
	}
	return nil
}
