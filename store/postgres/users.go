package postgres

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"alta/pipeline"
	"alta/store"
)

// Find returns the user with that Capa id, external id or e-mail address. More
// than one match is an error that names them.
func (s *Store) Find(ctx context.Context, ref string) (store.UserRecord, error) {
	for _, where := range []string{`u.id = $1`, `u.external_id = $1 AND u.external_id <> ''`, `lower(u.email) = lower($1) AND u.email <> ''`} {
		found, err := userRecords(ctx, s.pool, `WHERE `+where+` ORDER BY u.key LIMIT 10`, ref)
		switch {
		case err != nil:
			return store.UserRecord{}, fmt.Errorf("find user %s: %w", ref, err)
		case len(found) == 1:
			return found[0], nil
		case len(found) > 1:
			return store.UserRecord{}, store.Ambiguous(ref, found)
		}
	}
	return store.UserRecord{}, fmt.Errorf("user %s: %w", ref, store.ErrNotFound)
}

// List calls each for every user that matches, in the order in which they were
// added. It reads page by page, so that a long list never keeps the database from
// tidying up behind it.
func (s *Store) List(ctx context.Context, f store.Filter, each func(store.UserRecord) error) error {
	return f.Walk(each, func(f store.Filter, n int) ([]store.UserRecord, error) { return s.page(ctx, f, n) })
}

// listedQuery follows the index users_listed: within one country and status it has
// the users in order, so that a page costs the same however few match.
const listedQuery = `WHERE u.key IN (
		SELECT few.key FROM unnest($3::text[]) AS c (country) CROSS JOIN unnest($4::text[]) AS s (status) CROSS JOIN LATERAL (
			SELECT m.key FROM users m WHERE m.country = c.country AND m.status = s.status AND m.key > $1 ORDER BY m.key LIMIT $2) few
		ORDER BY 1 LIMIT $2)
	ORDER BY u.key`

// page reads the next n users that match.
func (s *Store) page(ctx context.Context, f store.Filter, n int) ([]store.UserRecord, error) {
	switch {
	case f.ExternalID != "":
		return userRecords(ctx, s.pool, `WHERE u.external_id = $3 AND u.external_id <> '' AND ($4 = '' OR lower(u.email) = lower($4))
			AND ($5 = '' OR u.country = $5) AND ($6 = '' OR u.status = $6) AND u.key > $1 ORDER BY u.key LIMIT $2`,
			f.After, n, f.ExternalID, f.Email, f.Country, f.Status)
	case f.Email != "":
		return userRecords(ctx, s.pool, `WHERE lower(u.email) = lower($3) AND ($4 = '' OR u.country = $4) AND ($5 = '' OR u.status = $5)
			AND u.key > $1 ORDER BY u.key LIMIT $2`, f.After, n, f.Email, f.Country, f.Status)
	case f.Country == "" && f.Status == "":
		return userRecords(ctx, s.pool, `WHERE u.key > $1 ORDER BY u.key LIMIT $2`, f.After, n)
	}
	countries, statuses := []pipeline.Country{pipeline.MX, pipeline.DO}, pipeline.Statuses()
	if f.Country != "" {
		countries = []pipeline.Country{f.Country}
	}
	if f.Status != "" {
		statuses = []pipeline.Status{f.Status}
	}
	return userRecords(ctx, s.pool, listedQuery, f.After, n, countries, statuses)
}

// Mark sets a user's status by an operator's word, who may move it anywhere but
// out of erased. Becoming pending again plans the next mail; leaving pending
// cancels it.
func (s *Store) Mark(ctx context.Context, id string, status pipeline.Status, plan store.Planner, by store.Act, now time.Time) error {
	return s.write(ctx, func(ctx context.Context, tx pgx.Tx) error {
		old, err := lockRow(ctx, tx, id)
		if err != nil {
			return fmt.Errorf("mark user %s: %w", id, err)
		}
		if err := store.MayMark(old.UserRow, status); err != nil {
			return err
		}
		row := old
		row.Status = status
		if err := updateUsers(ctx, tx, []change{{old, row}}, plan, now); err != nil {
			return fmt.Errorf("mark user %s: %w", id, err)
		}
		return addAudit(ctx, tx, by, "mark", id, string(old.Status)+" -> "+string(status), now)
	})
}

// Erase removes a user's personal data for good: name, address, external id,
// links and what mail servers said. The Capa id stays, so that no import brings
// the user back, and so do the bare facts of what was sent. What the server keeps
// of the old rows goes with its next VACUUM, and its log and backups have their
// own time.
func (s *Store) Erase(ctx context.Context, id string, by store.Act, now time.Time) error {
	return s.write(ctx, func(ctx context.Context, tx pgx.Tx) error {
		old, err := lockRow(ctx, tx, id)
		if err == nil {
			err = busy(ctx, tx, old.key)
		}
		if err == nil && old.Email != "" {
			err = eraseQuotes(ctx, tx, old.Email)
		}
		if err == nil {
			err = eraseRows(ctx, tx, old)
		}
		if err != nil {
			return fmt.Errorf("erase user %s: %w", id, err)
		}
		if err := endSessions(ctx, tx, []int64{old.key}); err != nil {
			return err
		}
		if err := cancelUnwanted(ctx, tx, []int64{old.key}, now); err != nil {
			return err
		}
		return addAudit(ctx, tx, by, "erase", id, "", now)
	})
}

// eraseQuotes blanks what was noted about all users where it quotes the address,
// as what a mail server said can.
func eraseQuotes(ctx context.Context, tx pgx.Tx, email string) error {
	for _, statement := range []string{
		`UPDATE runs SET outage = '[erased]' WHERE (outage <> '' OR error <> '') AND position(lower($1) IN lower(outage)) > 0`,
		`UPDATE runs SET error = '[erased]' WHERE (outage <> '' OR error <> '') AND position(lower($1) IN lower(error)) > 0`,
		`UPDATE run_counts SET outage = '[erased]' WHERE outage <> '' AND position(lower($1) IN lower(outage)) > 0`,
		`UPDATE pauses SET reason = '[erased]' WHERE position(lower($1) IN lower(reason)) > 0`,
	} {
		if _, err := tx.Exec(ctx, statement, email); err != nil {
			return err
		}
	}
	return nil
}

// eraseRows blanks the user's own rows, and forgets what the partner said, also
// before anybody knew of whom. What could be of another user stays.
func eraseRows(ctx context.Context, tx pgx.Tx, user keyedRow) error {
	_, err := tx.Exec(ctx, `DELETE FROM news WHERE user_key = $1 OR external_id = $2 AND external_id <> ''
		AND NOT EXISTS (SELECT 1 FROM users WHERE external_id = $2 AND external_id <> '' AND key <> $1)`, user.key, user.ExternalID)
	if err != nil {
		return err
	}
	for _, statement := range []string{
		`UPDATE users SET status = 'erased', email = '', name = '', external_id = '' WHERE key = $1`,
		`UPDATE attempts SET reply = '', reason = '' WHERE delivery_id IN (SELECT id FROM deliveries WHERE user_key = $1)`,
		`UPDATE deliveries SET receipt = '', reason = '', message_id = '', digest = NULL WHERE user_key = $1`,
		`UPDATE links SET sealed = NULL, fingerprint = NULL, token = NULL, superseded_at = coalesce(superseded_at, issued_at) WHERE user_key = $1`,
		`UPDATE sessions SET fingerprint = NULL WHERE user_key = $1`,
	} {
		if _, err := tx.Exec(ctx, statement, user.key); err != nil {
			return err
		}
	}
	return nil
}

// busy refuses to touch a user whose mail is on its way this very moment. What is
// open it locks, so that nobody claims it until the transaction ends.
func busy(ctx context.Context, tx pgx.Tx, user int64) error {
	open, _, err := openState(ctx, tx, user)
	if err != nil {
		return err
	}
	if open == pipeline.Claimed || open == pipeline.Sending {
		return store.ErrOnItsWay
	}
	return nil
}
