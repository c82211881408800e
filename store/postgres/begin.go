package postgres

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"alta/pipeline"
	"alta/store"
)

// beginning is a mail that is about to leave.
type beginning struct {
	write
	d   pipeline.Delivery // as it was rendered; a copy, since its owner goes on with it
	now time.Time
}

// Begin commits that the mail is about to leave: the state sending, with its
// link, Message-ID, date and digest. In the same transaction it checks that the
// user is still owed the mail, each time that it leaves on another connection. It
// implements [pipeline.Beginner].
func (q *Queue) Begin(ctx context.Context, d *pipeline.Delivery, now time.Time) error {
	b := &beginning{write: q.write(d), d: *d, now: now}
	b.d.Message.Content = pipeline.Content{}
	return q.orLost(q.store.batches.begin.do(ctx, b))
}

const beginMails = `UPDATE deliveries d
	SET state = 'sending', began_at = i.began_at, message_id = i.message_id, message_date = i.message_date, digest = i.digest
	FROM unnest($1::bigint[], $2::bigint[], $3::bigint[], $4::bigint[], $5::bigint[], $6::text[], $7::bigint[], $8::bytea[],
			$9::text[], $10::text[], $11::text[], $12::text[], $13::text[], $14::text[], $15::text[], $16::text[], $17::text[])
		WITH ORDINALITY AS i (id, claim, run, link, began_at, message_id, message_date, digest,
			user_id, external_id, email, name, country, locale, time_zone, type, status, place)
	JOIN users u ON u.id = i.user_id
	WHERE d.id = i.id AND d.claim = i.claim AND d.state IN ('claimed', 'sending') AND (i.run = 0 OR d.run_id = i.run)
		AND d.user_key = u.key AND ` + mayHave + ` AND u.external_id = i.external_id AND u.email = i.email AND u.name = i.name
		AND u.country = i.country AND u.locale = i.locale AND u.time_zone = i.time_zone AND u.type = i.type AND u.status = i.status
		AND d.link_id = i.link AND (SELECT l.superseded_at IS NULL FROM links l WHERE l.id = i.link)
	RETURNING i.place`

func (s *Store) beginTogether(ctx context.Context, items []*beginning) error {
	b := newBatch()
	ids, claims, runs := claims(items)
	words := func(value func(u *pipeline.User) string) []string {
		return each(items, func(i *beginning) string { return value(&i.d.User) })
	}
	b.Queue(lockForReading, ids)
	b.Queue(beginMails, ids, claims, runs,
		each(items, func(i *beginning) int64 { return i.d.Link.ID }),
		each(items, func(i *beginning) int64 { return i.now.UnixMilli() }),
		each(items, func(i *beginning) string { return i.d.Message.ID }),
		each(items, func(i *beginning) *int64 { return ms(i.d.Message.Date) }),
		each(items, func(i *beginning) []byte { return i.d.Message.Digest }),
		words(func(u *pipeline.User) string { return u.ID }),
		words(func(u *pipeline.User) string { return u.ExternalID }),
		words(func(u *pipeline.User) string { return u.Email }),
		words(func(u *pipeline.User) string { return u.Name }),
		words(func(u *pipeline.User) string { return string(u.Country) }),
		words(func(u *pipeline.User) string { return string(u.Locale) }),
		words(func(u *pipeline.User) string { return u.TimeZone }),
		words(func(u *pipeline.User) string { return string(u.Type) }),
		words(func(u *pipeline.User) string { return string(u.Status) }),
	).Query(func(rows pgx.Rows) error { return marked(rows, items) })
	return s.pipelined(ctx, b)
}

func (s *Store) beginAlone(ctx context.Context, b *beginning) error {
	b.done = false
	err := s.beginTogether(ctx, []*beginning{b})
	switch {
	case broke(err, "mails_keep_the_gap"):
		return s.tooSoon(ctx, b)
	case err != nil:
		return refused(fmt.Errorf("mark delivery %d as sending: %w", b.id, err))
	case b.done:
		return nil
	}
	if err := s.stillOurs(ctx, &b.write); err != nil {
		return fmt.Errorf("mark delivery %d as sending: %w", b.id, err)
	}
	if err := s.stillOwed(ctx, b); err != nil {
		return err
	}
	return fmt.Errorf("mark delivery %d as sending: %w", b.id, errNotOurs)
}

// stillOwed says why the user is not owed the mail any more.
func (s *Store) stillOwed(ctx context.Context, b *beginning) error {
	row, err := findRow(ctx, s.pool, b.d.User.ID)
	if err != nil {
		return fmt.Errorf("look at user %s: %w", b.d.User.ID, err)
	}
	var operator, superseded bool
	err = s.pool.QueryRow(ctx, `SELECT EXISTS (SELECT 1 FROM deliveries WHERE id = $1 AND operator),
		EXISTS (SELECT 1 FROM links WHERE id = $2 AND superseded_at IS NOT NULL)`, b.id, b.d.Link.ID).Scan(&operator, &superseded)
	if err != nil {
		return fmt.Errorf("look at user %s: %w", b.d.User.ID, err)
	}
	return store.StillOwed(row, &b.d, operator, superseded)
}

// tooSoon puts a mail off that the database refused because the user had, or
// may have had, another one a short while ago. The plan asks for the same gap,
// so that only a mail in doubt, or a mistake in alta, leads here.
func (s *Store) tooSoon(ctx context.Context, b *beginning) error {
	var over *int64
	err := s.pool.QueryRow(ctx, `SELECT max(o.began_at) + r.min_gap
		FROM deliveries d JOIN runs r ON r.id = d.run_id JOIN deliveries o ON o.user_key = d.user_key AND o.id <> d.id
		WHERE d.id = $1 AND (o.state = 'sent' OR EXISTS (SELECT 1 FROM attempts a WHERE a.delivery_id = o.id AND a.outcome = 'doubt'))
		GROUP BY r.min_gap`, b.id).Scan(&over)
	if err != nil {
		return fmt.Errorf("look at the mails of user %s: %w", b.d.User.ID, err)
	}
	return store.TooSoon(at(over), b.now)
}
