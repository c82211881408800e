package store

import (
	"context"
	"database/sql"
	"fmt"
)

// searched is how SQLite has the orders of a search in its indexes.
func searched() Dialect {
	plain := func(value, begins, only string) Ordering {
		return Ordering{Value: value, Begins: begins, Only: only, Same: value + ` = @value AND u.key > @key`, ByKeys: true, AtLeast: ` >= `, Above: ` > `, Below: ` < `, InOrder: value}
	}
	const nocase = ` COLLATE NOCASE`
	return Dialect{
		Orders: map[Order]Ordering{
			ByID:         plain(`u.id`, `@text`, ``),
			ByExternalID: plain(`u.external_id`, `@text`, `u.external_id <> ''`),
			ByEmail: {
				Value: `u.email`, Begins: `@text`, Same: `u.email` + nocase + ` = @value AND u.key > @key`, ByKeys: true, AtLeast: nocase + ` >= `, Above: nocase + ` > `, Below: nocase + ` < `,
				InOrder: `u.email` + nocase,
			},
			ByName: plain(`u.folded`, `@folded`, ``),
		},
		Opened: ` INDEXED BY users_opened`,
	}
}

// Search returns the users who match, page by page, and where the next page begins,
// "" behind the last. Those whose id begins with the text come first, then those
// whose external id does, whose address and whose name; without a text the users
// come in the order in which they were added. See [Search.Page] for short pages.
func (s *Store) Search(ctx context.Context, q Search) (page []UserRecord, next string, err error) {
	db, dialect := boundTo(ctx, s.reads), searched()
	page, next, err = q.Page(func(r Range, n, most int) (found []Found, stopped *Place, err error) {
		matching, place := q.In(dialect, r, recordColumns, n, most)
		found, err = rows(db, func(scan func(...any) error) (f Found, err error) {
			f.UserRecord, err = readUserRecord(scan, &f.Value)
			return f, err
		}, matching.Text, named(matching)...)
		if err != nil || len(found) == n {
			return found, nil, err
		}
		places, err := rows(db, func(scan func(...any) error) (p Place, err error) {
			p.Order = r.From.Order
			err = scan(&p.Key, &p.Value)
			return p, err
		}, place.Text, named(place)...)
		if err != nil || len(places) == 0 {
			return found, nil, err
		}
		return found, &places[0], nil
	})
	if err != nil {
		return nil, "", fmt.Errorf("search users: %w", err)
	}
	return page, next, nil
}

func named(q Query) (args []any) {
	for name, value := range q.Args {
		args = append(args, sql.Named(name, value))
	}
	return args
}
