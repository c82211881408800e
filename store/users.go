package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"
	"time"

	"alta/pipeline"
)

// UserRecord is one user, as an operator sees it.
type UserRecord struct {
	Key        int64 // counts up in the order in which users were added; see [Filter.After]
	User       pipeline.User
	History    pipeline.History
	Sourced    bool
	Withdrawn  bool      // the source query no longer returns the user
	AddressBad bool      // the mail server refused the address for good
	OpenedAt   time.Time // when a person first opened the link of a mail; zero for never, or where mails carry the verification's own
	VerifiedAt time.Time // when the ledger heard of it, the latest time; zero for never, and for who was verified when added
	CreatedAt  time.Time
	UpdatedAt  time.Time
}

// Filter narrows a list of users; zero fields match every user.
type Filter struct {
	Country pipeline.Country
	Status  pipeline.Status
	Email   string // exactly, but for upper and lower case
	After   int64  // keyset: only users with a higher key
	Limit   int    // at most this many; 0 is no limit

	ExternalID string // exactly
}

// Find returns the user with that Capa id, external id or e-mail address. More
// than one match is an error that names them.
func (s *Store) Find(ctx context.Context, ref string) (UserRecord, error) {
	for _, where := range []string{`u.id = ?`, `u.external_id = ? AND u.external_id <> ''`, `u.email = ? COLLATE NOCASE AND u.email <> ''`} {
		found, err := userRecords(boundTo(ctx, s.reads), `WHERE `+where+` ORDER BY u.key LIMIT 10`, ref)
		switch {
		case err != nil:
			return UserRecord{}, fmt.Errorf("find user %s: %w", ref, err)
		case len(found) == 1:
			return found[0], nil
		case len(found) > 1:
			return UserRecord{}, Ambiguous(ref, found)
		}
	}
	return UserRecord{}, fmt.Errorf("user %s: %w", ref, ErrNotFound)
}

// List calls each for every user that matches, in the order in which they were
// added. It reads page by page, so that a long list never keeps the ledger from
// tidying up behind it.
func (s *Store) List(ctx context.Context, f Filter, each func(UserRecord) error) error {
	return f.Walk(each, func(f Filter, n int) ([]UserRecord, error) {
		where, args := f.page(n)
		return userRecords(boundTo(ctx, s.reads), where, args...)
	})
}

// page selects the next n users that match.
func (f Filter) page(n int) (where string, args []any) {
	const next = `u.key > ? ORDER BY u.key LIMIT ?`
	switch {
	case f.ExternalID != "":
		return `WHERE u.external_id = ? AND u.external_id <> '' AND (? = '' OR u.email = ? COLLATE NOCASE)
				AND (? = '' OR u.country = ?) AND (? = '' OR u.status = ?) AND ` + next,
			[]any{f.ExternalID, f.Email, f.Email, f.Country, f.Country, f.Status, f.Status, f.After, n}
	case f.Email != "":
		// An address has few users, whom no order of the index spares a look.
		return `WHERE u.email = ? COLLATE NOCASE AND (? = '' OR u.country = ?) AND (? = '' OR u.status = ?) AND ` + next,
			[]any{f.Email, f.Country, f.Country, f.Status, f.Status, f.After, n}
	case f.Country == "" && f.Status == "":
		return `WHERE ` + next, []any{f.After, n}
	}
	countries, statuses := []pipeline.Country{pipeline.MX, pipeline.DO}, pipeline.Statuses()
	if f.Country != "" {
		countries = []pipeline.Country{f.Country}
	}
	if f.Status != "" {
		statuses = []pipeline.Status{f.Status}
	}
	// Within one country and status the index has the users in order, so that a
	// page costs the same however few match.
	var parts []string
	for _, country := range countries {
		for _, status := range statuses {
			parts = append(parts, `SELECT * FROM (SELECT u.key FROM users u WHERE u.country = ? AND u.status = ? AND `+next+`)`)
			args = append(args, country, status, f.After, n)
		}
	}
	return `WHERE u.key IN (SELECT * FROM (` + strings.Join(parts, ` UNION ALL `) + `) ORDER BY 1 LIMIT ?) ORDER BY u.key`, append(args, n)
}

// Mark sets a user's status by an operator's word, who may move it anywhere but
// out of erased. Becoming pending again plans the next mail; leaving pending
// cancels it.
func (s *Store) Mark(ctx context.Context, id string, status pipeline.Status, plan Planner, by Act, now time.Time) error {
	return s.write(ctx, func(tx *sql.Tx) error {
		old, err := findRow(tx, id)
		if err != nil {
			return fmt.Errorf("mark user %s: %w", id, err)
		}
		if err := MayMark(old, status); err != nil {
			return err
		}
		row := old
		row.Status = status
		if err := updateUser(tx, old, row, plan, now); err != nil {
			return fmt.Errorf("mark user %s: %w", id, err)
		}
		return addAudit(tx, by, "mark", id, string(old.Status)+" -> "+string(status), now)
	})
}

// Erase removes a user's personal data for good: name, address, external id,
// links and what mail servers said. The Capa id stays, so that no import brings
// the user back, and so do the bare facts of what was sent.
func (s *Store) Erase(ctx context.Context, id string, by Act, now time.Time) error {
	err := s.write(ctx, func(tx *sql.Tx) error {
		old, err := findRow(tx, id)
		if err != nil {
			return fmt.Errorf("erase user %s: %w", id, err)
		}
		if err := busy(tx, id); err != nil {
			return fmt.Errorf("erase user %s: %w", id, err)
		}
		// What a mail server said can quote the address, in what was noted about
		// all users too. SQLite uses the index runs_quoting only for its own
		// condition, word for word.
		for _, statement := range []string{
			`UPDATE runs SET outage = '[erased]' WHERE (outage <> '' OR error <> '') AND instr(lower(outage), lower((SELECT email FROM users WHERE id = ?1 AND email <> ''))) > 0`,
			`UPDATE runs SET error = '[erased]' WHERE (outage <> '' OR error <> '') AND instr(lower(error), lower((SELECT email FROM users WHERE id = ?1 AND email <> ''))) > 0`,
			`UPDATE pauses SET reason = '[erased]' WHERE instr(lower(reason), lower((SELECT email FROM users WHERE id = ?1 AND email <> ''))) > 0`,
		} {
			if _, err := tx.Exec(statement, id); err != nil {
				return fmt.Errorf("erase user %s: %w", id, err)
			}
		}
		const mine = `(SELECT key FROM users WHERE id = ?)`
		if err := forgetNews(tx, old); err != nil {
			return fmt.Errorf("erase user %s: %w", id, err)
		}
		if err := wipeSessions(tx, id); err != nil {
			return fmt.Errorf("erase user %s: %w", id, err)
		}
		for _, statement := range []string{
			`UPDATE users SET status = 'erased', email = '', name = '', folded = '', external_id = '' WHERE id = ?`,
			`UPDATE attempts SET reply = '', reason = '' WHERE delivery_id IN (SELECT id FROM deliveries WHERE user_key = ` + mine + `)`,
			`UPDATE deliveries SET receipt = '', reason = '', message_id = '', digest = NULL WHERE user_key = ` + mine,
			`UPDATE links SET sealed = NULL, fingerprint = NULL, token = NULL, superseded_at = coalesce(superseded_at, issued_at) WHERE user_key = ` + mine,
			`UPDATE sessions SET fingerprint = NULL WHERE user_key = ` + mine,
			`DELETE FROM askers WHERE user_key = ` + mine,
			`DELETE FROM news WHERE user_key = ` + mine,
		} {
			if _, err := tx.Exec(statement, id); err != nil {
				return fmt.Errorf("erase user %s: %w", id, err)
			}
		}
		if err := cancelUnwanted(tx, id, now); err != nil {
			return err
		}
		return addAudit(tx, by, "erase", id, "", now)
	})
	if err != nil {
		return err
	}
	if err := s.truncateLog(ctx); err != nil {
		return fmt.Errorf("user %s is erased, but the write-ahead log still has the old pages: %w", id, err)
	}
	return nil
}

// truncateLog empties the write-ahead log, which still holds the pages from
// before the erasure. Where another process reads just now, the log goes with
// the next checkpoint instead.
func (s *Store) truncateLog(ctx context.Context) error {
	db, err := sql.Open("sqlite3", dsn(s.path, ""))
	if err != nil {
		return err
	}
	// While it waits for readers it keeps writers out, so it hardly waits.
	_, err = db.ExecContext(ctx, `PRAGMA busy_timeout = 100; PRAGMA wal_checkpoint(TRUNCATE)`)
	return errors.Join(err, db.Close())
}

// busy refuses to touch a user whose mail is on its way this very moment.
func busy(tx *sql.Tx, id string) error {
	open, err := column[string](tx, `SELECT d.state FROM deliveries d JOIN users u ON u.key = d.user_key
		WHERE u.id = ? AND d.state IN ('claimed', 'sending')`, id)
	if err != nil {
		return err
	}
	if len(open) > 0 {
		return ErrOnItsWay
	}
	return nil
}

func userRecords(q querier, where string, args ...any) ([]UserRecord, error) {
	return rows(q, func(scan func(...any) error) (UserRecord, error) { return readUserRecord(scan) },
		`SELECT `+recordColumns+` FROM users u `+where, args...)
}

const recordColumns = userColumns + `, u.key, u.sourced, u.withdrawn, u.address_bad, u.opened_at, u.verified_at, u.created_at, u.updated_at`

// readUserRecord reads recordColumns, and into more what else was selected.
func readUserRecord(scan func(...any) error, more ...any) (r UserRecord, err error) {
	dest, finish := userDest(&r.User, &r.History)
	var opened, verified, created, updated sql.NullInt64
	dest = append(dest, &r.Key, &r.Sourced, &r.Withdrawn, &r.AddressBad, &opened, &verified, &created, &updated)
	err = scan(append(dest, more...)...)
	finish()
	r.OpenedAt, r.VerifiedAt, r.CreatedAt, r.UpdatedAt = at(opened), at(verified), at(created), at(updated)
	return r, err
}
