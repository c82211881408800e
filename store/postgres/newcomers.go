package postgres

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"

	"alta/pipeline"
	"alta/store"
)

// people are users to add, column by column, as one statement takes them.
type people struct {
	ids, externalIDs, emails, names, countries, locales, timeZones, types, statuses []string
}

func (p *people) add(u pipeline.User) {
	p.ids = append(p.ids, u.ID)
	p.externalIDs = append(p.externalIDs, u.ExternalID)
	p.emails = append(p.emails, u.Email)
	p.names = append(p.names, u.Name)
	p.countries = append(p.countries, string(u.Country))
	p.locales = append(p.locales, string(u.Locale))
	p.timeZones = append(p.timeZones, u.TimeZone)
	p.types = append(p.types, string(u.Type))
	p.statuses = append(p.statuses, string(u.Status))
}

// insert adds the users in their order, without those whom another transaction
// has added meanwhile, and returns the keys of the others by their ids.
func (p *people) insert(ctx context.Context, tx pgx.Tx, from store.Origin, now int64) (map[string]int64, error) {
	keys := make(map[string]int64, len(p.ids))
	rows, err := tx.Query(ctx, `INSERT INTO users (id, external_id, email, name, country, locale, time_zone, type, status, sourced, created_at, updated_at)
		SELECT n.id, n.external_id, n.email, n.name, n.country, n.locale, n.time_zone, n.type, n.status, $10, $11, $11
		FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::text[], $6::text[], $7::text[], $8::text[], $9::text[])
			WITH ORDINALITY AS n (id, external_id, email, name, country, locale, time_zone, type, status, place)
		ORDER BY n.place
		ON CONFLICT (id) DO NOTHING RETURNING id, key`,
		p.ids, p.externalIDs, p.emails, p.names, p.countries, p.locales, p.timeZones, p.types, p.statuses, from == store.Sourced, now)
	_, err = collect(rows, err, func(rows pgx.Rows) (id string, err error) {
		var key int64
		err = rows.Scan(&id, &key)
		keys[id] = key
		return id, err
	})
	return keys, err
}

// addNewcomers adds those of the users whom the ledger does not know, with their
// first deliveries, and tells whom. Nothing can be open for them yet.
func (e *enrolment) addNewcomers(ctx context.Context, users []pipeline.User) (added map[string]bool, err error) {
	added = map[string]bool{}
	var all people
	var first owed
	for _, u := range users {
		if _, found := e.known[u.ID]; found || added[u.ID] {
			continue
		}
		u = store.WithDefaults(u)
		added[u.ID] = true
		all.add(u)
	}
	if len(all.ids) == 0 {
		return added, nil
	}
	keys, err := all.insert(ctx, e.tx, e.from, e.now.UnixMilli())
	if err != nil {
		return nil, fmt.Errorf("add users: %w", err)
	}
	e.counts.Added += len(keys)
	for _, u := range users {
		key, here := keys[u.ID]
		if !here {
			delete(added, u.ID)
			continue
		}
		if _, done := e.known[u.ID]; done {
			continue
		}
		e.each.CameAnew(u.ID)
		u = store.WithDefaults(u)
		row := keyedRow{store.UserRow{User: u, Sourced: e.from == store.Sourced}, key}
		e.known[u.ID] = row
		if next, owed := e.plan(u, pipeline.History{}); owed && row.Wanted() {
			first.add(row, next)
		}
	}
	return added, first.insert(ctx, e.tx, e.now)
}
