package store

import (
	"database/sql"
	"fmt"
	"time"

	"alta/pipeline"
)

// What few mails meet is counted here, and not by triggers, which every mail would
// pay for.

// countTrouble counts an attempt that failed for good, was held or ended in doubt.
func countTrouble(tx *sql.Tx, o pipeline.Outcome, now time.Time) error {
	key := HourNumber(now) * 4
	switch o {
	case pipeline.OutcomeFailed:
	case pipeline.OutcomeHeld:
		key++
	case pipeline.OutcomeDoubt:
		key += 2
	default:
		return nil
	}
	for _, statement := range []string{
		`INSERT INTO trouble_counts (key) VALUES (?) ON CONFLICT DO NOTHING`,
		`UPDATE trouble_counts SET attempts = attempts + 1 WHERE key = ?`,
	} {
		if _, err := tx.Exec(statement, key); err != nil {
			return fmt.Errorf("count an attempt that went wrong: %w", err)
		}
	}
	return nil
}

// endAttention takes a user out of those who wait for a person, where another
// delivery was added. What follows on a mail that has just ended needs no look: that
// mail was the user's latest, and waited for nobody.
func endAttention(tx *sql.Tx, user string, added sql.Result) error {
	n, err := added.RowsAffected()
	if err != nil || n == 0 {
		return err
	}
	if _, err := tx.Exec(`DELETE FROM attention WHERE user_key = (SELECT key FROM users WHERE id = ?)`, user); err != nil {
		return fmt.Errorf("end what user %s waited for: %w", user, err)
	}
	return nil
}
