package store

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"alta/pipeline"
)

// Origin is where a user's record comes from.
type Origin int

// The origins of a record.
const (
	Imported Origin = iota // a file, or a command
	Sourced                // the [source] query
)

// Enrolled counts what became of the records that were handed over.
type Enrolled struct {
	Added     int `json:"added"`
	Updated   int `json:"updated"`
	Unchanged int `json:"unchanged"`
	Erased    int `json:"erased"` // left alone, because the user asked to be erased
}

// Add sums up.
func (e *Enrolled) Add(more Enrolled) {
	e.Added += more.Added
	e.Updated += more.Updated
	e.Unchanged += more.Unchanged
	e.Erased += more.Erased
}

// Outcome is what became of one record that was handed over.
type Outcome string

// The outcomes, as [Enrolled] counts them.
const (
	WasAdded     Outcome = "added"
	WasUpdated   Outcome = "updated"
	WasUnchanged Outcome = "unchanged"
	WasErased    Outcome = "erased"
	WasRefused   Outcome = "refused" // by [Store.EnrolEach] only: the status would move
)

// Planner says which mail a user is owed next, as [pipeline.Plan.Next] does.
type Planner func(pipeline.User, pipeline.History) (pipeline.Next, bool)

// Enrol adds the users or brings them up to date, in one transaction, and gives
// each one that mail may newly go out to the delivery that plan says. An empty
// optional field keeps what is there, or takes the country's default. A status
// only moves forward, and an erased user stays erased. Enrolling the same
// records again changes nothing.
func (s *Store) Enrol(ctx context.Context, users []pipeline.User, from Origin, plan Planner, now time.Time) (Enrolled, error) {
	var counts Enrolled
	err := s.write(ctx, func(tx *sql.Tx) (err error) {
		counts, err = enrol(tx, users, from, plan, now, nil)
		return err
	})
	if err != nil {
		return Enrolled{}, err
	}
	return counts, nil
}

// EnrolEach is [Store.Enrol] of a few users whose ids differ, by somebody's act. It
// audits each one that was added or changed, with the note behind what changed, and
// leaves a user alone whose status would move. It returns what became of each, by the
// id.
func (s *Store) EnrolEach(ctx context.Context, users []pipeline.User, plan Planner, note string, by Act, now time.Time) (map[string]Outcome, error) {
	var each *Reception
	err := s.write(ctx, func(tx *sql.Tx) error {
		each = NewReception()
		if _, err := enrol(tx, users, Imported, plan, now, each); err != nil {
			return err
		}
		for _, line := range each.Lines(users, note) {
			if err := addAudit(tx, by, line.Action, line.UserID, line.Detail, now); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return each.Outcomes, nil
}

func enrol(tx *sql.Tx, users []pipeline.User, from Origin, plan Planner, now time.Time, each *Reception) (Enrolled, error) {
	e := enrolment{newcomers: newcomers{tx, from, plan, now}, each: each}
	for few := range slices.Chunk(users, lookedUpAtOnce) {
		if err := e.enrolAll(few); err != nil {
			return Enrolled{}, err
		}
	}
	return e.counts, nil
}

// lookedUpAtOnce bounds what is kept of the users that one query looks up.
const lookedUpAtOnce = 500

// enrolment takes users in.
type enrolment struct {
	newcomers
	known  map[string]UserRow // by id: those of the users at hand whom the ledger has, or is about to have
	added  []pipeline.User    // the newcomers among them
	news   []change
	counts Enrolled
	each   *Reception // nil for an import
}

// change is what is known anew of a user whom the ledger has.
type change struct{ old, row UserRow }

// enrolAll writes the newcomers first, many at once, and then what changed, for a
// user who stands among the users again is no newcomer any more.
func (e *enrolment) enrolAll(users []pipeline.User) (err error) {
	if e.known, err = knownRows(e.tx, users); err != nil {
		return fmt.Errorf("look up the users to enrol: %w", err)
	}
	e.added, e.news = e.added[:0], e.news[:0]
	for _, u := range users {
		e.sort(u)
	}
	if err := e.add(e.added); err != nil {
		return err
	}
	for _, c := range e.news {
		if err := updateUser(e.tx, c.old, c.row, e.plan, e.now); err != nil {
			return fmt.Errorf("enrol user %s: %w", c.row.ID, err)
		}
	}
	return nil
}

// sort finds out what is to be written for the user.
func (e *enrolment) sort(u pipeline.User) {
	old, found := e.known[u.ID]
	if !found {
		u = WithDefaults(u)
		e.counts.Added++
		e.each.CameAnew(u.ID)
		e.known[u.ID] = UserRow{User: u, Sourced: e.from == Sourced}
		e.added = append(e.added, u)
		return
	}
	if old.Status == pipeline.Erased {
		e.counts.Erased++
		e.each.Came(u.ID, WasErased)
		return
	}
	row := Merge(old, u, e.from)
	switch {
	case row == old:
		e.counts.Unchanged++
		e.each.Came(u.ID, WasUnchanged)
		return
	case e.each.Refuses(old, row):
		e.each.Came(u.ID, WasRefused)
		return
	}
	e.counts.Updated++
	e.each.Changed(old, row)
	e.known[u.ID] = row
	e.news = append(e.news, change{old, row})
}

// updateUser writes the row and keeps its open delivery in step: cancelled when
// mail may no longer go out, planned when it may again.
func updateUser(tx *sql.Tx, old, row UserRow, plan Planner, now time.Time) error {
	if _, err := tx.Exec(`UPDATE users SET external_id = ?, email = ?, name = ?, folded = ?, country = ?, locale = ?, time_zone = ?, type = ?,
			status = ?9, sourced = ?, withdrawn = ?, address_bad = ?, updated_at = ?13,
			verified_at = CASE WHEN ?9 = 'verified' AND status <> 'verified' THEN ?13 ELSE verified_at END WHERE id = ?`,
		row.ExternalID, row.Email, row.Name, fold(row.Name), row.Country, row.Locale, row.TimeZone, row.Type,
		row.Status, row.Sourced, row.Withdrawn, row.AddressBad, ms(now), row.ID); err != nil {
		return err
	}
	if row.Country != old.Country || row.Type != old.Type {
		if _, err := tx.Exec(`UPDATE deliveries SET country = ?, type = ? WHERE user_key = (SELECT key FROM users WHERE id = ?)
			AND ended_at IS NULL`, row.Country, row.Type, row.ID); err != nil {
			return err
		}
		// The link was minted for what the user was.
		if _, err := tx.Exec(`UPDATE links SET superseded_at = ?, sealed = NULL WHERE user_key = (SELECT key FROM users WHERE id = ?)
			AND superseded_at IS NULL`, ms(now), row.ID); err != nil {
			return err
		}
		if err := wipeSessions(tx, row.ID); err != nil {
			return err
		}
	}
	if err := endOf(tx, old.Status, row, now); err != nil {
		return err
	}
	if err := cancelUnwanted(tx, row.ID, now); err != nil {
		return err
	}
	if row.Wanted() && !old.Wanted() {
		return planNext(tx, row.User, row.History, plan, now)
	}
	return nil
}

func planNext(tx *sql.Tx, u pipeline.User, h pipeline.History, plan Planner, now time.Time) error {
	next, owed := plan(u, h)
	if !owed {
		return nil
	}
	return insertNext(tx, u.ID, next, now)
}

// knownRows returns, by id, those of the users whom the ledger has already.
func knownRows(q querier, users []pipeline.User) (map[string]UserRow, error) {
	ids := make([]string, len(users))
	for i, u := range users {
		ids[i] = u.ID
	}
	list, err := json.Marshal(ids)
	if err != nil {
		return nil, err
	}
	// CROSS JOIN fixes the order of the loops: each id is looked up by its index.
	found, err := userRows(q, `json_each(?) j CROSS JOIN users u ON u.id = j.value`, string(list))
	if err != nil {
		return nil, err
	}
	known := make(map[string]UserRow, len(users))
	for _, r := range found {
		known[r.ID] = r
	}
	return known, nil
}

func findRow(q querier, id string) (UserRow, error) {
	found, err := userRows(q, `users u WHERE u.id = ?`, id)
	if err != nil {
		return UserRow{}, err
	}
	if len(found) == 0 {
		return UserRow{}, ErrNotFound
	}
	return found[0], nil
}

func userRows(q querier, from string, args ...any) ([]UserRow, error) {
	return rows(q, func(scan func(...any) error) (r UserRow, err error) {
		dest, finish := userDest(&r.User, &r.History)
		err = scan(append(dest, &r.Sourced, &r.Withdrawn, &r.AddressBad)...)
		finish()
		return r, err
	}, `SELECT `+userColumns+`, u.sourced, u.withdrawn, u.address_bad FROM `+from, args...)
}
