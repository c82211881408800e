package postgres

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"alta/pipeline"
	"alta/store"
)

// errNoKey says that the caller forgot [Store.UseKey].
var errNoKey = errors.New("the ledger has not been given its data key")

// keeping is a link that is being kept.
type keeping struct {
	write
	link                int64 // its number, once it is kept
	user                string
	country             pipeline.Country
	kind                pipeline.UserType
	sealed, fingerprint []byte
	token               []byte // of a lasting link
	issued              time.Time
	expires             int64
}

// Keep makes the delivery's fresh link the user's current one and supersedes
// the others. A link that another user has is mailed to neither from then on: it
// would lead one person into the verification of another. It implements [pipeline.Keeper].
func (q *Queue) Keep(ctx context.Context, d *pipeline.Delivery) error {
	key := q.store.key.Load()
	if key == nil {
		return errNoKey
	}
	k := &keeping{
		write: q.write(d), user: d.User.ID, country: d.User.Country, kind: d.User.Type,
		sealed: key.Seal(d.Link.URL, d.User.ID), issued: d.Link.IssuedAt, expires: store.ExpiresMS(d.Link.ExpiresAt),
	}
	if d.Link.Lasts() {
		k.token = d.Link.Ticket[:]
	} else {
		k.fingerprint = key.Fingerprint(d.Link.URL)
	}
	if err := q.store.batches.keep.do(ctx, k); err != nil {
		return q.orLost(err)
	}
	d.Link.ID = k.link // only now: a transaction that failed has saved no link
	return nil
}

// keptFor is whom a link is kept for. It was minted for a country and a type; an
// import may have changed them, and then it is nobody's.
const keptFor = `JOIN deliveries d ON d.id = i.id AND d.claim = i.claim AND d.state = 'claimed' AND (i.run = 0 OR d.run_id = i.run)
	JOIN users u ON u.key = d.user_key AND u.country = i.country AND u.type = i.type`

// The number of the link is drawn when the delivery is given it, so that the
// delivery is the first row to change: whoever has lost it changes nothing.
const supersede = `WITH given AS (
		UPDATE deliveries g SET link_id = nextval('links_id_seq')
		FROM (SELECT d.id, d.claim, i.issued_at
			FROM unnest($1::bigint[], $2::bigint[], $3::bigint[], $4::text[], $5::text[], $6::bigint[]) AS i (id, claim, run, country, type, issued_at)
			` + keptFor + `) c
		WHERE g.id = c.id AND g.claim = c.claim AND g.state = 'claimed'
		RETURNING g.user_key, c.issued_at)
	UPDATE links l SET superseded_at = (SELECT issued_at FROM given g WHERE g.user_key = l.user_key), sealed = NULL
	WHERE l.superseded_at IS NULL AND l.user_key = ANY (ARRAY(SELECT user_key FROM given))`

// A user who is done meanwhile has no use for a link.
const saveLinks = `WITH kept AS (
		SELECT i.place, d.link_id, d.user_key, CASE WHEN u.status = 'pending' OR d.operator AND u.status = 'opted_out' THEN i.sealed END AS sealed,
			i.fingerprint, i.token, i.issued_at, i.expires_at
		FROM unnest($1::bigint[], $2::bigint[], $3::bigint[], $4::text[], $5::text[], $6::bigint[], $7::bigint[], $8::bytea[], $9::bytea[], $10::bytea[])
			WITH ORDINALITY AS i (id, claim, run, country, type, issued_at, expires_at, sealed, fingerprint, token, place)
		` + keptFor + `),
	saved AS (
		INSERT INTO links (id, user_key, sealed, fingerprint, token, issued_at, expires_at)
		SELECT link_id, user_key, sealed, fingerprint, token, issued_at, expires_at FROM kept ORDER BY user_key)
	SELECT place, link_id FROM kept`

func (s *Store) keepTogether(ctx context.Context, items []*keeping) error {
	b := newBatch()
	ids, claims, runs := claims(items)
	countries := each(items, func(k *keeping) string { return string(k.country) })
	kinds := each(items, func(k *keeping) string { return string(k.kind) })
	issued := each(items, func(k *keeping) int64 { return k.issued.UnixMilli() })
	expires := each(items, func(k *keeping) int64 { return k.expires })
	sealed := each(items, func(k *keeping) []byte { return k.sealed })
	fingerprints := each(items, func(k *keeping) []byte { return k.fingerprint })
	tokens := each(items, func(k *keeping) []byte { return k.token })

	b.Queue(lockForReading, ids)
	b.Queue(supersede, ids, claims, runs, countries, kinds, issued)
	b.Queue(saveLinks, ids, claims, runs, countries, kinds, issued, expires, sealed, fingerprints, tokens).Query(func(rows pgx.Rows) error {
		var place, link int64
		_, err := pgx.ForEachRow(rows, []any{&place, &link}, func() error {
			items[place-1].link, items[place-1].done = link, true
			return nil
		})
		return err
	})
	return s.pipelined(ctx, b)
}

func (s *Store) keepAlone(ctx context.Context, k *keeping) error {
	k.done = false
	err := s.keepTogether(ctx, []*keeping{k})
	switch {
	case broke(err, "links_have_one_user"):
		return s.sharedLink(ctx, k.fingerprint, k.user, k.issued)
	case err != nil:
		return refused(fmt.Errorf("save the link of user %s: %w", k.user, err))
	case k.done:
		return nil
	}
	if err := s.stillOurs(ctx, &k.write); err != nil {
		return fmt.Errorf("give delivery %d its link: %w", k.id, err)
	}
	// The delivery is ours, so the user is not whom the link was minted for, or was
	// not a moment ago.
	return store.UserChanged()
}

// sharersQuery finds another user to whom a link was given, the first of them.
const sharersQuery = `SELECT u.id FROM (SELECT user_key FROM links WHERE fingerprint = $1 UNION ALL SELECT user_key FROM sessions WHERE fingerprint = $1) had
	JOIN users u ON u.key = had.user_key WHERE u.id <> $2 ORDER BY u.key LIMIT 1`

// sharedLink takes a link away from whoever has it and has not been given it yet,
// for good, and returns the fault that it makes when it comes for another user.
func (s *Store) sharedLink(ctx context.Context, fingerprint []byte, user string, now time.Time) error {
	other := "one whose mail never came to it"
	err := s.pool.QueryRow(ctx, sharersQuery, fingerprint, user).Scan(&other)
	if err != nil && !errors.Is(err, pgx.ErrNoRows) {
		return fmt.Errorf("find the other user of the link: %w", err)
	}
	fault := store.SharedLink(other, user)
	if err := s.forget(ctx, fingerprint, now); err != nil {
		return errors.Join(fault, err)
	}
	return fault
}

// forget wipes a link. Its users are locked first, so that no mail with it begins
// beside this.
func (s *Store) forget(ctx context.Context, fingerprint []byte, now time.Time) error {
	return s.transact(ctx, func(tx pgx.Tx) error {
		_, err := tx.Exec(ctx, `SELECT FROM users WHERE key IN (SELECT user_key FROM links WHERE fingerprint = $1 UNION SELECT user_key FROM sessions WHERE fingerprint = $1)
			ORDER BY key FOR NO KEY UPDATE`, fingerprint)
		if err == nil {
			_, err = tx.Exec(ctx, `UPDATE sessions SET shared = true, sealed = NULL WHERE fingerprint = $1`, fingerprint)
		}
		if err != nil {
			return err
		}
		_, err = tx.Exec(ctx, `UPDATE links SET shared = true, superseded_at = coalesce(superseded_at, $2), sealed = NULL
			WHERE fingerprint = $1`, fingerprint, now.UnixMilli())
		return err
	})
}
