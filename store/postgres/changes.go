package postgres

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"alta/store"
)

// change is what is known anew of a user whom the ledger has, and whom the
// transaction has locked.
type change struct{ old, row keyedRow }

// updateUsers writes the changes in their order. Those of different users share
// their statements; a user who changes again waits for the next round.
func updateUsers(ctx context.Context, tx pgx.Tx, changes []change, plan store.Planner, now time.Time) error {
	for len(changes) > 0 {
		var round, rest []change
		seen := make(map[int64]bool, len(changes))
		for _, c := range changes {
			if seen[c.row.key] {
				rest = append(rest, c)
				continue
			}
			seen[c.row.key] = true
			round = append(round, c)
		}
		if err := updateRound(ctx, tx, round, plan, now); err != nil {
			return err
		}
		changes = rest
	}
	return nil
}

// ends are the users for whom something ends with a change.
type ends struct {
	moved    []int64 // to another lane: what was minted for the old one
	links    []int64 // those in mails
	sessions []int64
	tickets  []int64 // and all that anybody asked for
}

func (e *ends) add(c change) {
	if c.row.Country != c.old.Country || c.row.Type != c.old.Type {
		e.moved = append(e.moved, c.row.key)
	}
	links, sessions, tickets := store.EndsWith(c.old.Status, c.row.Status)
	if links {
		e.links = append(e.links, c.row.key)
	}
	if sessions {
		e.sessions = append(e.sessions, c.row.key)
	}
	if tickets {
		e.tickets = append(e.tickets, c.row.key)
	}
}

// updateRound writes the rows and keeps the open deliveries in step: cancelled
// when mail may no longer go out, planned when it may again.
func updateRound(ctx context.Context, tx pgx.Tx, changes []change, plan store.Planner, now time.Time) error {
	var e ends
	var unwanted []int64
	var next owed
	for _, c := range changes {
		e.add(c)
		if !c.row.Wanted() {
			unwanted = append(unwanted, c.row.key)
		} else if !c.old.Wanted() {
			if n, owed := plan(c.row.User, c.row.History); owed {
				next.add(c.row, n)
			}
		}
	}
	if err := writeRows(ctx, tx, changes, now); err != nil {
		return fmt.Errorf("update users: %w", err)
	}
	if err := e.follow(ctx, tx, now); err != nil {
		return fmt.Errorf("bring the links of users up to date: %w", err)
	}
	if err := cancelUnwanted(ctx, tx, unwanted, now); err != nil {
		return err
	}
	return next.insert(ctx, tx, now)
}

func writeRows(ctx context.Context, tx pgx.Tx, changes []change, now time.Time) error {
	var p people
	var keys []int64
	var sourced, withdrawn, addressBad []bool
	for _, c := range changes {
		p.add(c.row.User)
		keys = append(keys, c.row.key)
		sourced, withdrawn, addressBad = append(sourced, c.row.Sourced), append(withdrawn, c.row.Withdrawn), append(addressBad, c.row.AddressBad)
	}
	_, err := tx.Exec(ctx, `UPDATE users u SET external_id = n.external_id, email = n.email, name = n.name, country = n.country, locale = n.locale,
			time_zone = n.time_zone, type = n.type, status = n.status, sourced = n.sourced, withdrawn = n.withdrawn, address_bad = n.address_bad, updated_at = $13
		FROM unnest($1::bigint[], $2::text[], $3::text[], $4::text[], $5::text[], $6::text[], $7::text[], $8::text[], $9::text[],
				$10::boolean[], $11::boolean[], $12::boolean[])
			AS n (key, external_id, email, name, country, locale, time_zone, type, status, sourced, withdrawn, address_bad)
		WHERE u.key = n.key`,
		keys, p.externalIDs, p.emails, p.names, p.countries, p.locales, p.timeZones, p.types, p.statuses, sourced, withdrawn, addressBad, now.UnixMilli())
	return err
}

// follow takes the open deliveries of users who moved to another lane along, and
// takes back links: one that was minted for what the user was is mailed no more,
// and nobody needs to know that of a user who is done. Who opts out takes back what
// was asked for before, so that what is on its way then goes no further; the tickets
// are ended by a trigger.
func (e *ends) follow(ctx context.Context, tx pgx.Tx, now time.Time) error {
	if len(e.moved) > 0 {
		if _, err := tx.Exec(ctx, `UPDATE deliveries d SET country = u.country, type = u.type FROM users u
			WHERE u.key = ANY($1) AND d.user_key = u.key AND d.ended_at IS NULL`, e.moved); err != nil {
			return err
		}
		if _, err := tx.Exec(ctx, `UPDATE links SET superseded_at = $2, sealed = NULL WHERE user_key = ANY($1) AND superseded_at IS NULL`,
			e.moved, now.UnixMilli()); err != nil {
			return err
		}
	}
	if len(e.links) > 0 {
		if _, err := tx.Exec(ctx, `UPDATE links SET sealed = NULL WHERE user_key = ANY($1) AND sealed IS NOT NULL`, e.links); err != nil {
			return err
		}
	}
	if len(e.tickets) > 0 {
		if _, err := tx.Exec(ctx, `UPDATE deliveries SET operator = false WHERE user_key = ANY($1) AND ended_at IS NULL AND operator`, e.tickets); err != nil {
			return err
		}
	}
	if err := closeSessions(ctx, tx, e.moved); err != nil {
		return err
	}
	return endSessions(ctx, tx, e.sessions)
}
