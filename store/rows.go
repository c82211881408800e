package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	"alta/pipeline"
)

// querier is what a transaction and a pool have in common for reading.
type querier interface {
	Query(query string, args ...any) (*sql.Rows, error)
}

// column returns the one column that the query selects.
func column[T any](q querier, query string, args ...any) ([]T, error) {
	return rows(q, func(scan func(...any) error) (v T, err error) {
		err = scan(&v)
		return v, err
	}, query, args...)
}

// rows returns what read makes of each row of the query.
func rows[T any](q querier, read func(scan func(...any) error) (T, error), query string, args ...any) (all []T, err error) {
	rs, err := q.Query(query, args...)
	if err != nil {
		return nil, err
	}
	defer rs.Close()
	for rs.Next() {
		v, err := read(rs.Scan)
		if err != nil {
			return nil, err
		}
		all = append(all, v)
	}
	return all, rs.Err()
}

// errNotOurs says that a row is not as its owner left it.
var errNotOurs = errors.New("changed no row: it belongs to nobody or to another run")

// one makes sure that a statement changed exactly one row.
func one(result sql.Result, err error) error {
	if err != nil {
		return err
	}
	n, err := result.RowsAffected()
	if err != nil {
		return err
	}
	if n == 0 {
		return errNotOurs
	}
	if n > 1 {
		return fmt.Errorf("changed %d rows instead of 1", n)
	}
	return nil
}

const userColumns = `u.id, u.external_id, u.email, u.name, u.country, u.locale, u.time_zone, u.type, u.status,
	u.mails, u.invited_at, u.last_mail_at, u.link_expires_at`

// userDest returns where userColumns scan to, and what completes the history
// afterwards.
func userDest(u *pipeline.User, h *pipeline.History) (dest []any, finish func()) {
	var invited, last, expires sql.NullInt64
	dest = []any{
		&u.ID, &u.ExternalID, &u.Email, &u.Name, &u.Country, &u.Locale, &u.TimeZone, &u.Type, &u.Status,
		&h.Mails, &invited, &last, &expires,
	}
	return dest, func() { h.InvitedAt, h.LastAt, h.LinkExpiresAt = at(invited), at(last), at(expires) }
}

// mints is when a link was minted for the user of a delivery, or may have been. A
// first delivery that nobody has tried yet needs no look. CROSS JOIN has SQLite
// begin with the user's few deliveries.
const mints = `CASE WHEN u.mails = 0 AND d.round = 1 AND d.attempts = 0 AND d.code = '' AND d.link_id IS NULL
			AND NOT EXISTS (SELECT 1 FROM sessions s WHERE s.user_key = d.user_key) THEN '[]' ELSE (
		SELECT json_group_array(at) FROM (` + mintTimes + `)) END`

// mintTimes selects them for the user of d: the links in mails but for lasting ones,
// the sessions but for those of which nothing came, and the mints in doubt. What alta
// mints of itself and comes to nothing is not the user's.
const mintTimes = `SELECT issued_at AS at FROM links WHERE user_key = d.user_key AND +token IS NULL
			UNION ALL SELECT began_at FROM sessions WHERE user_key = d.user_key AND (+state <> 'failed' OR +doubtful = 1 AND +probe = 0)
			UNION ALL SELECT a.at FROM deliveries o CROSS JOIN attempts a ON a.delivery_id = o.id
				WHERE o.user_key = d.user_key AND +a.doubtful = 1`

// deliveries reads whole deliveries. A link that was superseded or wiped is left
// out, so that nothing can mail it. Without a key the links stay closed.
func deliveries(q querier, key *Key, where string, args ...any) ([]pipeline.Delivery, error) {
	return rows(q, func(scan func(...any) error) (pipeline.Delivery, error) { return readDelivery(scan, key) }, `SELECT `+userColumns+`,
			d.id, d.step, d.round,
			1 + (SELECT count(*) FROM deliveries s WHERE s.user_key = d.user_key AND s.step = d.step AND s.state = 'sent'),
			d.attempts, d.due_at, d.operator, d.doubts, d.repeat, d.code,
			d.message_id, d.message_date, d.digest,
			l.id, l.sealed, l.issued_at, l.expires_at, l.token,
			`+mints+`
		FROM deliveries d
		JOIN users u ON u.key = d.user_key
		LEFT JOIN links l ON l.id = d.link_id AND l.superseded_at IS NULL AND l.sealed IS NOT NULL `+where, args...)
}

func readDelivery(scan func(...any) error, key *Key) (pipeline.Delivery, error) {
	var (
		d                                pipeline.Delivery
		due, date, link, issued, expires sql.NullInt64
		sealed, token                    []byte
		user, finish                     = userDest(&d.User, &d.History)
		delivery                         = []any{&d.ID, &d.Step, &d.Round, &d.Nth, &d.Attempt, &due, &d.Operator, &d.Doubts, &d.Repeat, &d.LastCode}
		message                          = []any{&d.Message.ID, &date, &d.Message.Digest}
		linked                           = []any{&link, &sealed, &issued, &expires, &token}
		minted                           string
	)
	dest := append(append(append(append(user, delivery...), message...), linked...), &minted)
	if err := scan(dest...); err != nil {
		return d, err
	}
	finish()
	var err error
	if d.Mints, err = instants(minted); err != nil {
		return d, err
	}
	d.Attempt++ // the ledger counts attempts made; a delivery carries the one to come
	d.DueAt, d.Message.Date = at(due), at(date)
	if link.Valid {
		d.Link = pipeline.Link{ID: link.Int64, URL: key.Open(sealed, d.User.ID), IssuedAt: at(issued), ExpiresAt: ExpiresAt(expires.Int64)}
		d.Link.Ticket, err = digestOf(token)
	}
	return d, err
}

// pauses returns the pauses in force, the outage first.
func pauses(q querier) ([]pipeline.Pause, error) {
	return rows(q, func(scan func(...any) error) (p pipeline.Pause, err error) {
		var since, probe sql.NullInt64
		err = scan(&p.Country, &p.Type, &p.Code, &p.Reason, &p.Minting, &since, &probe)
		p.Since, p.ProbeAt = at(since), at(probe)
		return p, err
	}, `SELECT country, type, code, reason, minting, since, probe_at FROM pauses ORDER BY country, type`)
}

// bound is a pool together with the context that its queries end with.
type bound struct {
	ctx context.Context
	db  *sql.DB
}

func boundTo(ctx context.Context, db *sql.DB) bound { return bound{ctx, db} }

// Query implements querier.
func (b bound) Query(query string, args ...any) (*sql.Rows, error) {
	return b.db.QueryContext(b.ctx, query, args...)
}
