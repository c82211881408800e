package postgres

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"alta/pipeline"
	"alta/store"
)

// querier is what the pool, a connection and a transaction have in common.
type querier interface {
	Query(ctx context.Context, sql string, args ...any) (pgx.Rows, error)
	QueryRow(ctx context.Context, sql string, args ...any) pgx.Row
	Exec(ctx context.Context, sql string, args ...any) (pgconn.CommandTag, error)
}

// errNotOurs says that a row is not as its owner left it.
var errNotOurs = errors.New("changed no row: it belongs to nobody or to another run")

// collect returns what read makes of each row.
func collect[T any](rows pgx.Rows, err error, read func(pgx.Rows) (T, error)) (all []T, _ error) {
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	for rows.Next() {
		v, err := read(rows)
		if err != nil {
			return nil, err
		}
		all = append(all, v)
	}
	return all, rows.Err()
}

// column returns the one column that the query selects.
func column[T any](ctx context.Context, q querier, sql string, args ...any) ([]T, error) {
	rows, err := q.Query(ctx, sql, args...)
	return collect(rows, err, func(rows pgx.Rows) (v T, err error) { err = rows.Scan(&v); return v, err })
}

// one makes sure that a statement changed exactly one row.
func one(result pgconn.CommandTag, err error) error {
	switch n := result.RowsAffected(); {
	case err != nil:
		return err
	case n == 0:
		return errNotOurs
	case n > 1:
		return fmt.Errorf("changed %d rows instead of 1", n)
	}
	return nil
}

// text is what somebody else said, a mail server for example, as PostgreSQL can
// keep it: UTF-8 without the byte 0.
func text(s string) string {
	return strings.ToValidUTF8(strings.ReplaceAll(s, "\x00", "\uFFFD"), "\uFFFD")
}

const userColumns = `u.id, u.external_id, u.email, u.name, u.country, u.locale, u.time_zone, u.type, u.status,
	u.mails, u.invited_at, u.last_mail_at, u.link_expires_at`

// userDest returns where userColumns scan to, and what completes the history
// afterwards.
func userDest(u *pipeline.User, h *pipeline.History) (dest []any, finish func()) {
	var invited, last, expires *int64
	dest = []any{
		&u.ID, &u.ExternalID, &u.Email, &u.Name, &u.Country, &u.Locale, &u.TimeZone, &u.Type, &u.Status,
		&h.Mails, &invited, &last, &expires,
	}
	return dest, func() { h.InvitedAt, h.LastAt, h.LinkExpiresAt = at(invited), at(last), at(expires) }
}

const rowColumns = userColumns + `, u.sourced, u.withdrawn, u.address_bad, u.key`

// keyedRow is a user as the ledger keeps it, with the key that other tables know
// the user by.
type keyedRow struct {
	store.UserRow
	key int64
}

// userRows reads users; where may also order and lock them.
func userRows(ctx context.Context, q querier, where string, args ...any) ([]keyedRow, error) {
	rows, err := q.Query(ctx, `SELECT `+rowColumns+` FROM users u `+where, args...)
	return collect(rows, err, func(rows pgx.Rows) (r keyedRow, err error) {
		dest, finish := userDest(&r.User, &r.History)
		err = rows.Scan(append(dest, &r.Sourced, &r.Withdrawn, &r.AddressBad, &r.key)...)
		finish()
		return r, err
	})
}

func findRow(ctx context.Context, q querier, id string) (store.UserRow, error) {
	r, err := oneRow(ctx, q, `WHERE u.id = $1`, id)
	return r.UserRow, err
}

// lockRow reads a user whom nobody else may change before the transaction ends,
// nor begin to mail.
func lockRow(ctx context.Context, tx pgx.Tx, id string) (keyedRow, error) {
	return oneRow(ctx, tx, `WHERE u.id = $1 FOR NO KEY UPDATE`, id)
}

func oneRow(ctx context.Context, q querier, where, id string) (keyedRow, error) {
	found, err := userRows(ctx, q, where, id)
	if err != nil {
		return keyedRow{}, err
	}
	if len(found) == 0 {
		return keyedRow{}, store.ErrNotFound
	}
	return found[0], nil
}

// userRecords reads users as an operator sees them.
func userRecords(ctx context.Context, q querier, where string, args ...any) ([]store.UserRecord, error) {
	rows, err := q.Query(ctx, `SELECT `+recordColumns+` FROM users u `+where, args...)
	return collect(rows, err, func(rows pgx.Rows) (store.UserRecord, error) { return readUserRecord(rows) })
}

const recordColumns = rowColumns + `, u.opened_at, u.verified_at, u.created_at, u.updated_at`

// readUserRecord reads recordColumns, and into more what else was selected.
func readUserRecord(rows pgx.Rows, more ...any) (r store.UserRecord, err error) {
	dest, finish := userDest(&r.User, &r.History)
	var opened, verified, created, updated *int64
	dest = append(dest, &r.Sourced, &r.Withdrawn, &r.AddressBad, &r.Key, &opened, &verified, &created, &updated)
	err = rows.Scan(append(dest, more...)...)
	finish()
	r.OpenedAt, r.VerifiedAt = at(opened), at(verified)
	r.CreatedAt, r.UpdatedAt = at(created), at(updated)
	return r, err
}

const deliveryColumns = `d.id, d.claim, d.step, d.round,
	1 + (SELECT count(*) FROM deliveries s WHERE s.user_key = d.user_key AND s.step = d.step AND s.state = 'sent'),
	d.attempts, d.due_at, d.operator, d.doubts, d.repeat, d.code,
	d.message_id, d.message_date, d.digest,
	l.id, l.sealed, l.token, l.issued_at, l.expires_at,
	` + mints

// mints is when a link was minted for the user of a delivery, or may have been. For
// a first delivery that nobody has tried yet only a session can have been.
const mints = `CASE WHEN u.mails = 0 AND d.round = 1 AND d.attempts = 0 AND d.code = '' AND d.link_id IS NULL
		THEN ARRAY(` + sessionMints + `) ELSE ARRAY(` + sessionMints + ` UNION ALL ` + mailMints + `) END`

// When sessions of the user u were opened, and links minted for mails; a lasting
// link is minted for nobody before it is opened. OFFSET 0 has PostgreSQL begin with
// the user's few deliveries, however few doubtful attempts there were when it made
// the plan.
const (
	sessionMints = `SELECT began_at FROM sessions WHERE user_key = u.key AND (state <> 'failed' OR doubtful AND NOT probe)`
	mailMints    = `SELECT issued_at FROM links WHERE user_key = u.key AND token IS NULL
		UNION ALL SELECT a.at FROM deliveries o
			CROSS JOIN LATERAL (SELECT at, doubtful FROM attempts WHERE delivery_id = o.id OFFSET 0) a
			WHERE o.user_key = u.key AND a.doubtful`
)

// deliveries reads whole deliveries. A link that was superseded or wiped is left
// out, so that nothing can mail it. Without a key the links stay closed.
func deliveries(ctx context.Context, q querier, key *store.Key, where string, args ...any) ([]pipeline.Delivery, error) {
	rows, err := q.Query(ctx, `SELECT `+userColumns+`, `+deliveryColumns+`
		FROM deliveries d
		JOIN users u ON u.key = d.user_key
		LEFT JOIN links l ON l.id = d.link_id AND l.superseded_at IS NULL AND l.sealed IS NOT NULL `+where, args...)
	return collect(rows, err, func(rows pgx.Rows) (pipeline.Delivery, error) { return readDelivery(rows, key) })
}

func readDelivery(rows pgx.Rows, key *store.Key) (pipeline.Delivery, error) {
	var (
		d                          pipeline.Delivery
		due, date, issued, expires *int64
		link                       *int64
		sealed, token              []byte
		user, finish               = userDest(&d.User, &d.History)
		delivery                   = []any{&d.ID, &d.Claim, &d.Step, &d.Round, &d.Nth, &d.Attempt, &due, &d.Operator, &d.Doubts, &d.Repeat, &d.LastCode}
		message                    = []any{&d.Message.ID, &date, &d.Message.Digest}
		linked                     = []any{&link, &sealed, &token, &issued, &expires}
		minted                     []int64
	)
	if err := rows.Scan(append(append(append(append(user, delivery...), message...), linked...), &minted)...); err != nil {
		return d, err
	}
	finish()
	for _, ms := range minted {
		d.Mints = append(d.Mints, time.UnixMilli(ms).UTC())
	}
	d.Attempt++ // the ledger counts attempts made; a delivery carries the one to come
	d.DueAt, d.Message.Date = at(due), at(date)
	if link != nil {
		d.Link = pipeline.Link{ID: *link, URL: key.Open(sealed, d.User.ID), IssuedAt: at(issued), ExpiresAt: store.ExpiresAt(*expires)}
		if token != nil {
			digest := pipeline.TicketDigest(token)
			d.Link.Ticket = &digest
		}
	}
	return d, nil
}

// pauses returns the pauses in force, the outage first.
func pauses(ctx context.Context, q querier) ([]pipeline.Pause, error) {
	rows, err := q.Query(ctx, `SELECT country, type, code, reason, minting, since, probe_at FROM pauses ORDER BY country, type`)
	return collect(rows, err, func(rows pgx.Rows) (p pipeline.Pause, err error) {
		var since, probe *int64
		err = rows.Scan(&p.Country, &p.Type, &p.Code, &p.Reason, &p.Minting, &since, &probe)
		p.Since, p.ProbeAt = at(since), at(probe)
		return p, err
	})
}
