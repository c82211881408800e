package app

import (
	"context"
	"errors"
	"strconv"
	"strings"

	"alta/internal/roster"
	"alta/internal/web/api"
	"alta/pipeline"
	"alta/store"
)

// Check implements [api.People].
func (desk) Check(f api.Fields) (pipeline.User, []api.FieldProblem) {
	u, problems := roster.Validate(roster.Fields(f))
	var all []api.FieldProblem
	for _, p := range problems {
		all = append(all, api.FieldProblem{Field: p.Column, Reason: p.Reason})
	}
	return u, all
}

// Enrol implements [api.People].
func (d desk) Enrol(ctx context.Context, users []pipeline.User, invite bool, by api.By) ([]api.Enrolled, error) {
	plan, note := d.planner(), ""
	if invite {
		plan, note = d.inviteNow(plan), noteInvite
	}
	each, err := d.store.EnrolEach(ctx, users, plan, note, actBy(by), d.now())
	if err != nil {
		return nil, apiError(err)
	}
	all := make([]api.Enrolled, len(users))
	queued := false
	for i, u := range users {
		all[i] = api.Enrolled{ID: u.ID, Result: string(each[u.ID])}
		if each[u.ID] == store.WasRefused {
			all[i].Problems = []api.FieldProblem{{Field: "status", Reason: notByEnrol}}
			continue
		}
		if !invite {
			continue
		}
		if all[i].Mail, err = d.invite(ctx, u.ID, by); err != nil {
			break
		}
		queued = queued || all[i].Mail == mailQueued
	}
	d.log.Info("users came in by the API", "users", len(users), "token", by.Token, "invited_now", invite)
	if queued { // what was made due leaves, even where the rest failed
		err = errors.Join(err, d.beginRun(ctx, store.ByResend))
	}
	if err != nil {
		return nil, apiError(err)
	}
	return all, nil
}

// noteInvite is what the audit log says of users who came in with an invite now.
const noteInvite = "invite now"

// notByEnrol is why the status of a user whom the ledger has stays as it is.
const notByEnrol = "the user exists; use POST " + api.Prefix + "/users/{id}/mark, which asks for a reason"

// mailQueued is what is said of a mail that leaves within seconds.
const mailQueued = "queued"

// inviteNow makes the first mail an operator's, who may mail at any hour: it is for
// somebody who has just signed up.
func (d desk) inviteNow(plan store.Planner) store.Planner {
	return func(u pipeline.User, h pipeline.History) (pipeline.Next, bool) {
		next, owed := plan(u, h)
		if owed && h.Mails == 0 {
			next.DueAt, next.Operator = d.now(), true
		}
		return next, owed
	}
}

// invite makes the first mail of a user due now, whom the ledger may have had before.
func (d desk) invite(ctx context.Context, id string, by api.By) (outcome string, err error) {
	mails, err := d.store.Deliveries(ctx, id)
	if err != nil {
		return "", err
	}
	for _, m := range mails {
		underWay := m.State == pipeline.Claimed || m.State == pipeline.Sending || m.State == pipeline.Due && m.Operator && !m.DueAt.After(d.now())
		if m.Step == pipeline.Invite && underWay {
			return mailQueued, nil
		}
	}
	whyNot, err := d.store.Invite(ctx, id, store.Act{Actor: tokenActor(by.Token), Reason: noteInvite}, d.now())
	if err != nil || whyNot != "" {
		return whyNot, err
	}
	return mailQueued, nil
}

// Users implements [api.People]. An exact address or external id has an index of its
// own, and what looks for beginnings has its own order: the cursor tells which it is.
func (d desk) Users(ctx context.Context, s api.Search) (page []api.User, next string, err error) {
	order, after, _ := strings.Cut(s.After, ".")
	if s.Email == "" && s.ExternalID == "" {
		if s.After != "" && order != "s" {
			return nil, "", apiError(store.ErrCursor)
		}
		found, next, err := d.store.Search(ctx, store.Search{Text: s.Text, Country: s.Country, Status: s.Status, After: after, Limit: s.Limit})
		if err != nil {
			return nil, "", apiError(err)
		}
		for _, r := range found {
			page = append(page, api.User(userOut(r)))
		}
		if next != "" {
			next = "s." + next
		}
		return page, next, nil
	}
	f := store.Filter{Country: s.Country, Status: s.Status, Email: s.Email, ExternalID: s.ExternalID, Limit: s.Limit + 1}
	if s.After != "" {
		if f.After, err = strconv.ParseInt(after, 10, 64); err != nil || order != "k" {
			return nil, "", apiError(store.ErrCursor)
		}
	}
	var last int64
	err = d.store.List(ctx, f, func(r store.UserRecord) error {
		if len(page) == s.Limit {
			next = "k." + strconv.FormatInt(last, 10)
			return nil
		}
		page, last = append(page, api.User(userOut(r))), r.Key
		return nil
	})
	return page, next, apiError(err)
}

// find returns the user with exactly that id.
func (d desk) find(ctx context.Context, id string) (store.UserRecord, error) {
	r, err := d.store.Find(ctx, id)
	if err == nil && r.User.ID != id {
		err = store.ErrNotFound // it is the external id or the address of somebody
	}
	return r, apiError(err)
}

// User implements [api.People].
func (d desk) User(ctx context.Context, id string) (api.User, error) {
	r, err := d.find(ctx, id)
	return api.User(userOut(r)), err
}

// Mark implements [api.People].
func (d desk) Mark(ctx context.Context, id string, status pipeline.Status, by api.By) (api.Marked, error) {
	r, err := d.find(ctx, id)
	if err != nil {
		return api.Marked{}, err
	}
	err = d.store.Mark(ctx, id, status, d.planner(), actBy(by), d.now())
	return api.Marked{ID: id, Was: r.User.Status, Status: status}, apiError(err)
}

// Erase implements [api.People].
func (d desk) Erase(ctx context.Context, id string, by api.By) (api.Marked, error) {
	r, err := d.find(ctx, id)
	if err != nil {
		return api.Marked{}, err
	}
	err = d.store.Erase(ctx, id, actBy(by), d.now())
	return api.Marked{ID: id, Was: r.User.Status, Status: pipeline.Erased}, apiError(err)
}
