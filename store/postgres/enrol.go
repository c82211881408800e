package postgres

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"

	"alta/pipeline"
	"alta/store"
)

// Enrol adds the users or brings them up to date, in one transaction, and gives
// each one that mail may newly go out to the delivery that plan says. An empty
// optional field keeps what is there, or takes the country's default. A status
// only moves forward, and an erased user stays erased. Enrolling the same
// records again changes nothing, and locks nobody.
func (s *Store) Enrol(ctx context.Context, users []pipeline.User, from store.Origin, plan store.Planner, now time.Time) (store.Enrolled, error) {
	var counts store.Enrolled
	err := s.write(ctx, func(ctx context.Context, tx pgx.Tx) (err error) {
		counts, err = enrol(ctx, tx, users, from, plan, now)
		return err
	})
	if err != nil {
		return store.Enrolled{}, err
	}
	return counts, nil
}

// EnrolEach is [Store.Enrol] of a few users whose ids differ, by somebody's act. It
// audits each one that was added or changed, with the note behind what changed, and
// leaves a user alone whose status would move. It returns what became of each, by the
// id.
func (s *Store) EnrolEach(ctx context.Context, users []pipeline.User, plan store.Planner, note string, by store.Act, now time.Time) (map[string]store.Outcome, error) {
	var each *store.Reception
	err := s.write(ctx, func(ctx context.Context, tx pgx.Tx) error {
		each = store.NewReception()
		e := enrolment{tx: tx, from: store.Imported, plan: plan, now: now, each: each}
		if err := e.enrolAll(ctx, users); err != nil {
			return err
		}
		return addAuditLines(ctx, tx, by, each.Lines(users, note), now)
	})
	if err != nil {
		return nil, err
	}
	return each.Outcomes, nil
}

// lookedUpAtOnce bounds what is kept of the users that one query looks up.
const lookedUpAtOnce = 5000

func enrol(ctx context.Context, tx pgx.Tx, users []pipeline.User, from store.Origin, plan store.Planner, now time.Time) (store.Enrolled, error) {
	e := enrolment{tx: tx, from: from, plan: plan, now: now}
	for few := range slices.Chunk(users, lookedUpAtOnce) {
		if err := e.enrolAll(ctx, few); err != nil {
			return store.Enrolled{}, err
		}
	}
	return e.counts, nil
}

// enrolment takes users in.
type enrolment struct {
	tx     pgx.Tx
	from   store.Origin
	plan   store.Planner
	now    time.Time
	known  map[string]keyedRow // by id: those of the users at hand whom the ledger has
	news   []change
	counts store.Enrolled
	each   *store.Reception // nil for an import
}

// enrolAll writes the newcomers first, many at once, and then what changed, for a
// user who stands among the users again is no newcomer any more. It locks only
// users of whom something changes, so that a pass over many whom the ledger knows
// keeps no mail waiting.
func (e *enrolment) enrolAll(ctx context.Context, users []pipeline.User) error {
	ids := make([]string, len(users))
	for i, u := range users {
		ids[i] = u.ID
	}
	e.known, e.news = make(map[string]keyedRow, len(users)), nil
	if err := e.look(ctx, `WHERE u.id = ANY($1)`, ids); err != nil {
		return err
	}
	added, err := e.addNewcomers(ctx, users)
	if err != nil {
		return err
	}
	var changing []string
	for _, u := range users {
		if old, found := e.known[u.ID]; !found || !added[u.ID] && old.Status != pipeline.Erased && store.Merge(old.UserRow, u, e.from) != old.UserRow {
			changing = append(changing, u.ID)
		}
	}
	if err := e.look(ctx, `WHERE u.id = ANY($1) ORDER BY u.key FOR NO KEY UPDATE`, changing); err != nil {
		return err
	}
	for _, u := range users {
		if added[u.ID] {
			added[u.ID] = false // what comes of the same user again is no newcomer
			continue
		}
		if err := e.sort(u); err != nil {
			return err
		}
	}
	if err := updateUsers(ctx, e.tx, e.news, e.plan, e.now); err != nil {
		return fmt.Errorf("enrol users: %w", err)
	}
	return nil
}

// look reads what the ledger has of the users.
func (e *enrolment) look(ctx context.Context, where string, ids []string) error {
	if len(ids) == 0 {
		return nil
	}
	found, err := userRows(ctx, e.tx, where, ids)
	if err != nil {
		return fmt.Errorf("look up the users to enrol: %w", err)
	}
	for _, r := range found {
		e.known[r.ID] = r
	}
	return nil
}

// sort finds out what is to be written for the user.
func (e *enrolment) sort(u pipeline.User) error {
	old, found := e.known[u.ID]
	if !found {
		return fmt.Errorf("enrol user %s: neither there nor to be added", u.ID)
	}
	if old.Status == pipeline.Erased {
		e.counts.Erased++
		e.each.Came(u.ID, store.WasErased)
		return nil
	}
	row := keyedRow{store.Merge(old.UserRow, u, e.from), old.key}
	switch {
	case row == old:
		e.counts.Unchanged++
		e.each.Came(u.ID, store.WasUnchanged)
		return nil
	case e.each.Refuses(old.UserRow, row.UserRow):
		e.each.Came(u.ID, store.WasRefused)
		return nil
	}
	e.counts.Updated++
	e.each.Changed(old.UserRow, row.UserRow)
	e.known[u.ID] = row
	e.news = append(e.news, change{old, row})
	return nil
}
