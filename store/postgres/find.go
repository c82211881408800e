package postgres

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"

	"alta/store"
)

// searched is how PostgreSQL has the orders of a search in its indexes. Those of
// whole words go by the database's collation, in which what begins with a text is
// no range; so these go by bytes.
func searched() store.Dialect {
	bytewise := func(value, begins, only string) store.Ordering {
		return store.Ordering{
			Value: value, Begins: begins, Only: only,
			Same: value + ` ~>=~ @value AND ` + value + ` ~<=~ @value AND u.key > @key`, AtLeast: ` ~>=~ `, Above: ` ~>~ `, Below: ` ~<~ `, InOrder: value + ` USING ~<~`,
		}
	}
	// An equality would let the server prefer the order of the keys, in which it may look
	// at everybody; so the same value is a range as well.
	const folded = `lower(translate(u.name, '` + store.Accented + `', '` + store.Plain + `') COLLATE "C")`
	return store.Dialect{Rows: true, Orders: map[store.Order]store.Ordering{
		store.ByID:         bytewise(`u.id`, `@text::text`, ``),
		store.ByExternalID: bytewise(`u.external_id`, `@text::text`, `u.external_id <> ''`),
		store.ByEmail:      bytewise(`lower(u.email)`, `lower(@text::text)`, ``),
		store.ByName: {
			Value: folded, Begins: `@folded::text`,
			// Very many can have one name. As a row it is where the index begins to be read.
			Same: `(` + folded + `, u.key) > (@value, @key) AND ` + folded + ` <= @value`, AtLeast: ` >= `, Above: ` > `, Below: ` < `, InOrder: folded + ` COLLATE "C"`,
		},
	}}
}

// Search returns the users who match, page by page, and where the next page begins,
// "" behind the last. Those whose id begins with the text come first, then those
// whose external id does, whose address and whose name; without a text the users
// come in the order in which they were added. See [store.Search.Page] for short pages.
func (s *Store) Search(ctx context.Context, q store.Search) (page []store.UserRecord, next string, err error) {
	dialect := searched()
	q.Text = text(q.Text)
	err = s.lookIndexed(ctx, func(tx pgx.Tx) (err error) {
		page, next, err = q.Page(func(r store.Range, n, most int) (found []store.Found, stopped *store.Place, err error) {
			matching, place := q.In(dialect, r, recordColumns, n, most)
			rows, err := tx.Query(ctx, matching.Text, pgx.NamedArgs(matching.Args))
			found, err = collect(rows, err, func(rows pgx.Rows) (f store.Found, err error) {
				f.UserRecord, err = readUserRecord(rows, &f.Value)
				return f, err
			})
			if err != nil || len(found) == n {
				return found, nil, err
			}
			rows, err = tx.Query(ctx, place.Text, pgx.NamedArgs(place.Args))
			places, err := collect(rows, err, func(rows pgx.Rows) (p store.Place, err error) {
				p.Order = r.From.Order
				err = rows.Scan(&p.Key, &p.Value)
				return p, err
			})
			if err != nil || len(places) == 0 {
				return found, nil, err
			}
			return found, &places[0], nil
		})
		return err
	})
	if err != nil {
		return nil, "", fmt.Errorf("search users: %w", err)
	}
	return page, next, nil
}
