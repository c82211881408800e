package store

import (
	"context"
	"database/sql"
	"fmt"
	"slices"
	"time"

	"alta/pipeline"
)

// VisitRecord is what came to the link of one mail within one hour.
type VisitRecord struct {
	Kind            pipeline.VisitKind
	Hour            time.Time // its start
	N               int
	FirstAt, LastAt time.Time
	Step            pipeline.Step // of the mail
	Round           int
}

// HourOf is the start of the hour that t is in, in UTC.
func HourOf(t time.Time) time.Time { return t.UTC().Truncate(time.Hour) }

// ShowsInterest tells whether such a visit is a person's who looked at the page, or
// went on from it.
func ShowsInterest(k pipeline.VisitKind) bool {
	return k == pipeline.Opened || k == pipeline.Minted || k == pipeline.Reused
}

// CountVisits adds the visits up by link, kind and hour, in one transaction. The
// first by a person is when the user has opened the link. A visit to a link that is
// gone is dropped.
func (s *Store) CountVisits(ctx context.Context, visits []pipeline.Visit) error {
	if len(visits) == 0 {
		return nil
	}
	inOrder := slices.SortedStableFunc(slices.Values(visits), func(a, b pipeline.Visit) int { return a.At.Compare(b.At) })
	err := s.write(ctx, func(tx *sql.Tx) error {
		for _, v := range inOrder {
			if err := countVisit(tx, v); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("count visits: %w", err)
	}
	return nil
}

func countVisit(tx *sql.Tx, v pipeline.Visit) error {
	if _, err := tx.Exec(`INSERT INTO visits (link_id, kind, hour, n, first_at, last_at) SELECT id, ?2, ?3, ?4, ?5, ?5 FROM links WHERE id = ?1
		ON CONFLICT (link_id, kind, hour) DO UPDATE SET n = n + excluded.n,
			first_at = min(first_at, excluded.first_at), last_at = max(last_at, excluded.last_at)`,
		v.LinkID, v.Kind, ms(HourOf(v.At)), v.N, ms(v.At)); err != nil {
		return err
	}
	if !ShowsInterest(v.Kind) {
		return nil
	}
	_, err := tx.Exec(`UPDATE users SET opened_at = ? WHERE key = (SELECT user_key FROM links WHERE id = ?) AND opened_at IS NULL`, ms(v.At), v.LinkID)
	return err
}

// Visits returns what came to the links of a user's mails, by hour, oldest first.
func (s *Store) Visits(ctx context.Context, user string) ([]VisitRecord, error) {
	all, err := rows(boundTo(ctx, s.reads), func(scan func(...any) error) (r VisitRecord, err error) {
		var hour, first, last sql.NullInt64
		err = scan(&r.Kind, &hour, &r.N, &first, &last, &r.Step, &r.Round)
		r.Hour, r.FirstAt, r.LastAt = at(hour), at(first), at(last)
		return r, err
	}, `SELECT v.kind, v.hour, v.n, v.first_at, v.last_at, d.step, d.round
		FROM users u CROSS JOIN deliveries d ON d.user_key = u.key CROSS JOIN visits v ON v.link_id = d.link_id
		WHERE u.id = ? ORDER BY v.hour, v.first_at, v.id`, user)
	if err != nil {
		return nil, fmt.Errorf("read the visits of user %s: %w", user, err)
	}
	return all, nil
}
