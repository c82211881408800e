package store

import (
	"context"
	"database/sql"
	"fmt"
)

// counted are the views of what the triggers of migration 00004 count, each with
// the query that counts the same anew, column by column.
func counted() map[string]string {
	return map[string]string{
		`SELECT status, country, mailed, withdrawn, address_bad, users FROM funnel WHERE users <> 0`: `
			SELECT status, country, mails > 0, withdrawn, address_bad, count(*) FROM users GROUP BY 1, 2, 3, 4, 5`,
		`SELECT minute, state, country, type, operator, deliveries, retries FROM queue WHERE deliveries <> 0 OR retries <> 0`: `
			SELECT CASE state WHEN 'due' THEN due_at / 60000 ELSE 0 END, state, country, type, operator, count(*), sum(attempts > 0)
			FROM deliveries WHERE state IN ('due', 'held', 'doubt', 'failed') GROUP BY 1, 2, 3, 4, 5`,
		`SELECT minute, links FROM link_expiry WHERE links <> 0`: `
			SELECT l.expires_at / 60000, count(*) FROM links l JOIN users u ON u.key = l.user_key
			WHERE l.superseded_at IS NULL AND u.status = 'pending' GROUP BY 1`,
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
