package store

import (
	"database/sql"
	"fmt"
	"slices"
	"strings"
	"time"

	"alta/pipeline"
)

// addedAtOnce is how many rows of newcomers share one statement. What a statement
// costs beside its rows, on the way to SQLite and in it, is then paid once for all
// of them.
const addedAtOnce = 50

// newcomers are users whom the ledger does not know. Nothing can be open for them
// yet, so that their first deliveries need no look at those before them.
type newcomers struct {
	tx   *sql.Tx
	from Origin
	plan Planner
	now  time.Time
}

// add adds the users, whose ids differ, in their order.
func (n newcomers) add(users []pipeline.User) error {
	if len(users) == 0 {
		return nil
	}
	// SQLite gives each user the key after the largest one. A statement that named
	// the keys itself could fail for a key that is no integer, for which SQLite would
	// keep the pages that it changes.
	latest, err := n.largestKey()
	if err != nil {
		return err
	}
	people := make([]any, 0, personValues*len(users))
	mails := make([]any, 0, mailValues*len(users))
	for i, u := range users {
		key := latest + 1 + int64(i)
		people = append(people, u.ID, u.ExternalID, u.Email, u.Name, fold(u.Name),
			string(u.Country), string(u.Locale), u.TimeZone, string(u.Type), string(u.Status))
		if next, owed := n.plan(u, pipeline.History{}); owed && u.Status == pipeline.Pending {
			mails = append(mails, key, string(u.Country), string(u.Type), string(next.Step), ceilMS(next.DueAt), next.Operator)
		}
	}
	// FAIL undoes nothing by itself, for which SQLite would keep the pages that a
	// statement changes; the writer undoes the transaction.
	now := n.now.UnixMilli()
	if err := n.insert(`INSERT OR FAIL INTO users (created_at, updated_at, sourced,
			id, external_id, email, name, folded, country, locale, time_zone, type, status) VALUES `,
		`(?1, ?1, ?2, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`, []any{now, n.from == Sourced}, people, personValues); err != nil {
		return fmt.Errorf("add users: %w", err)
	}
	last, err := n.largestKey()
	if err != nil {
		return err
	}
	if want := latest + int64(len(users)); last != want {
		return fmt.Errorf("the last of the users that were added has the key %d, expected %d", last, want)
	}
	if err := n.insert(`INSERT OR FAIL INTO deliveries (created_at, updated_at, round, state,
			user_key, country, type, step, due_at, operator) VALUES `,
		`(?1, ?1, 1, 'due', ?, ?, ?, ?, ?, ?)`, []any{now}, mails, mailValues); err != nil {
		return fmt.Errorf("add their first deliveries: %w", err)
	}
	return nil
}

func (n newcomers) largestKey() (key int64, err error) {
	err = n.tx.QueryRow(`SELECT coalesce(max(key), 0) FROM users`).Scan(&key)
	return key, err
}

// How many values a row has that are its own.
const (
	personValues = 10
	mailValues   = 6
)

// insert inserts rows of as many values each. A statement of every length would be
// compiled for a single use, so that the rows which don't fill a statement go one
// by one.
func (n newcomers) insert(into, row string, shared, values []any, each int) error {
	for some := range slices.Chunk(values, addedAtOnce*each) {
		rows := addedAtOnce
		if len(some) < addedAtOnce*each {
			rows = 1
		}
		statement := into + strings.TrimSuffix(strings.Repeat(row+", ", rows), ", ")
		for those := range slices.Chunk(some, rows*each) {
			if _, err := n.tx.Exec(statement, slices.Concat(shared, those)...); err != nil {
				return err
			}
		}
	}
	return nil
}
