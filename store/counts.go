package store

import (
	"context"
	"database/sql"
	"fmt"
)

// counted are the views of what the triggers of the migrations count, each with
// the query that counts the same anew, column by column.
func counted() map[string]string {
	return map[string]string{
		`SELECT status, country, mailed, withdrawn, address_bad, users FROM funnel WHERE users <> 0`: `
			SELECT status, country, mails > 0, withdrawn, address_bad, count(*) FROM users GROUP BY 1, 2, 3, 4, 5`,
		`SELECT minute, state, country, type, step, operator, deliveries, retries FROM queue WHERE deliveries <> 0 OR retries <> 0`: `
			SELECT CASE state WHEN 'due' THEN due_at / 60000 ELSE 0 END, state, country, type, step, operator, count(*), sum(attempts > 0)
			FROM deliveries WHERE state IN ('due', 'held', 'doubt', 'failed') GROUP BY 1, 2, 3, 4, 5, 6`,
		`SELECT minute, links FROM link_expiry WHERE links <> 0`: `
			SELECT l.expires_at / 60000, count(*) FROM links l JOIN users u ON u.key = l.user_key
			WHERE l.superseded_at IS NULL AND u.status = 'pending' GROUP BY 1`,
		`SELECT hour, country, step, mails FROM mails_sent WHERE mails <> 0`: `
			SELECT ended_at / 3600000, country, step, count(*) FROM deliveries WHERE state = 'sent' GROUP BY 1, 2, 3`,
		`SELECT hour, outcome, attempts FROM troubles WHERE attempts <> 0`: `
			SELECT at / 3600000, outcome, count(*) FROM attempts WHERE outcome IN ('failed', 'held', 'doubt') GROUP BY 1, 2`,
		`SELECT key, users FROM reached_counts WHERE users <> 0`: `
			SELECT country = 'DO', count(*) FROM users WHERE status = 'pending' AND opened_at IS NOT NULL GROUP BY 1
			UNION ALL SELECT (country = 'DO') + 2 * CASE WHEN took < 3600000 THEN 1 WHEN took < 21600000 THEN 2 WHEN took < 86400000 THEN 3
				WHEN took < 259200000 THEN 4 WHEN took < 604800000 THEN 5 WHEN took < 1209600000 THEN 6 ELSE 7 END, count(*)
			FROM (SELECT country, verified_at - invited_at AS took FROM users WHERE verified_at IS NOT NULL AND invited_at IS NOT NULL) GROUP BY 1`,
		`SELECT user_key, delivery_id, state, code, country FROM attention`: `
			SELECT d.user_key, d.id, d.state, d.code, d.country FROM deliveries d JOIN users u ON u.key = d.user_key
			WHERE (d.state IN ('held', 'doubt') OR d.state = 'failed' AND u.status = 'pending' AND u.withdrawn = 0)
				AND NOT EXISTS (SELECT 1 FROM deliveries o WHERE o.user_key = d.user_key AND o.id > d.id)`,
		`SELECT state, code, country, users FROM attention_counts WHERE users <> 0`: `
			SELECT state, code, country, count(*) FROM attention GROUP BY 1, 2, 3`,
	}
}

// checkCounts returns an error where a count differs from the rows. The guard and
// the status go by the counts alone, and whoever changes the file by other means
// than alta may have left them behind. It reads every user, delivery and link.
func (s *Store) checkCounts(ctx context.Context) error {
	tx, err := s.reads.BeginTx(ctx, &sql.TxOptions{ReadOnly: true}) // so that nothing changes in between
	if err != nil {
		return fmt.Errorf("check the counts of the ledger: %w", err)
	}
	defer func() { _ = tx.Rollback() }()
	for kept, found := range counted() {
		var differ bool
		err := tx.QueryRow(`SELECT EXISTS (SELECT * FROM (` + kept + `) EXCEPT SELECT * FROM (` + found + `))
			OR EXISTS (SELECT * FROM (` + found + `) EXCEPT SELECT * FROM (` + kept + `))`).Scan(&differ)
		if f := unwritable(err); f != nil {
			err = f
		} else if err == nil && differ {
			err = fmt.Errorf("what is counted differs from what is there, so that the status and the guard go by wrong figures; was the file changed by other means than alta? Restore a backup: %s", kept)
		}
		if err != nil {
			return fmt.Errorf("check the counts of the ledger: %w", err)
		}
	}
	return nil
}

// dropEmptyCounts removes the minutes in which nothing is counted any more, since
// the status adds up what is left. Minutes to come last as long as what falls due
// in them. Of past ones there stay those in which the last link of somebody who is
// still pending expired: half a million in a year, if there is one in each.
func (s *Store) dropEmptyCounts(ctx context.Context) error {
	var empty bool
	err := s.reads.QueryRowContext(ctx, `SELECT EXISTS (SELECT 1 FROM queue_counts WHERE deliveries = 0)
		OR EXISTS (SELECT 1 FROM link_expiry WHERE links = 0)`).Scan(&empty)
	if f := unwritable(err); f != nil {
		return f
	}
	if err != nil || !empty {
		return err
	}
	err = s.write(ctx, func(tx *sql.Tx) error {
		if _, err := tx.Exec(`DELETE FROM queue_counts WHERE deliveries = 0`); err != nil {
			return err
		}
		_, err := tx.Exec(`DELETE FROM link_expiry WHERE links = 0`)
		return err
	})
	if err != nil {
		return fmt.Errorf("drop counts of nothing: %w", err)
	}
	return nil
}
