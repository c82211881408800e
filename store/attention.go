package store

import (
	"cmp"
	"context"
	"database/sql"
	"fmt"
	"slices"
	"time"

	"alta/pipeline"
)

// Cause is what the deliveries of one group have in common.
type Cause struct {
	State   pipeline.State // held, doubt or failed
	Code    string         // of the fault, see [pipeline.Fault.Code]
	Country pipeline.Country
}

// AttentionGroup is the users who wait for a person for the same cause: their latest
// delivery is held or in doubt, or it failed and they may still get mail. A later
// delivery takes a user out of it, one that an operator asked for as well.
type AttentionGroup struct {
	Cause
	Users         int
	First, Latest time.Time // since when, at the most and at the least
	UserID        string    // of the latest
	Reason        string    // of the latest; "" once that user was erased
}

// AttentionRecord is one user of a group.
type AttentionRecord struct {
	User     UserRecord
	Delivery int64
	Step     pipeline.Step
	Round    int
	Attempts int
	Reason   string
	Since    time.Time
}

// attentionGroups finds the first, the latest and the one to show by the index. A
// group has few rows of its own, so that it costs the same however many users are in it.
const attentionGroups = `SELECT c.state, c.code, c.country, c.users,
		(SELECT min(since) FROM attention a WHERE a.state = c.state AND a.code = c.code AND a.country = c.country),
		a.since, u.id, d.reason
	FROM attention_counts c
	JOIN attention a ON a.user_key = (SELECT l.user_key FROM attention l
		WHERE l.state = c.state AND l.code = c.code AND l.country = c.country ORDER BY l.since DESC LIMIT 1)
	JOIN users u ON u.key = a.user_key
	JOIN deliveries d ON d.id = a.delivery_id
	WHERE c.users > 0`

// Attention returns what waits for a person, by its cause, the largest group first.
func (s *Store) Attention(ctx context.Context) ([]AttentionGroup, error) {
	groups, err := rows(boundTo(ctx, s.reads), func(scan func(...any) error) (g AttentionGroup, err error) {
		var first, latest sql.NullInt64
		err = scan(&g.State, &g.Code, &g.Country, &g.Users, &first, &latest, &g.UserID, &g.Reason)
		g.First, g.Latest = at(first), at(latest)
		return g, err
	}, attentionGroups)
	if err != nil {
		return nil, fmt.Errorf("read what waits for a person: %w", err)
	}
	SortGroups(groups)
	return groups, nil
}

// SortGroups puts the largest group first.
func SortGroups(groups []AttentionGroup) {
	slices.SortFunc(groups, func(a, b AttentionGroup) int {
		return cmp.Or(cmp.Compare(b.Users, a.Users), cmp.Compare(a.State, b.State), cmp.Compare(a.Code, b.Code), cmp.Compare(a.Country, b.Country))
	})
}

const attentionPage = `SELECT ` + recordColumns + `, d.id, d.step, d.round, d.attempts, d.reason, a.since
	FROM attention a CROSS JOIN users u ON u.key = a.user_key CROSS JOIN deliveries d ON d.id = a.delivery_id
	WHERE a.state = ? AND a.code = ? AND a.country = ? AND a.user_key > ? ORDER BY a.user_key LIMIT ?`

// AttentionPage returns up to n users who wait for that cause, in the order in which
// they were added, from behind the one with the key after on.
func (s *Store) AttentionPage(ctx context.Context, c Cause, after int64, n int) ([]AttentionRecord, error) {
	page, err := rows(boundTo(ctx, s.reads), func(scan func(...any) error) (a AttentionRecord, err error) {
		var since sql.NullInt64
		a.User, err = readUserRecord(scan, &a.Delivery, &a.Step, &a.Round, &a.Attempts, &a.Reason, &since)
		a.Since = at(since)
		return a, err
	}, attentionPage, c.State, c.Code, c.Country, after, n)
	if err != nil {
		return nil, fmt.Errorf("read who waits for a person: %w", err)
	}
	return page, nil
}
