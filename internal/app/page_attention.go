package app

import (
	"context"
	"errors"
	"fmt"

	"alta/internal/web"
	"alta/pipeline"
	"alta/store"
)

// attendant reads what waits for a person, and acts on it, for the operator's page.
// It implements [web.Attender].
type attendant struct{ *engine }

// Attention implements [web.Attender].
func (a attendant) Attention(ctx context.Context) ([]web.AttentionGroup, error) {
	found, err := a.store.Attention(ctx)
	groups := make([]web.AttentionGroup, len(found))
	for i, g := range found {
		groups[i] = web.AttentionGroup{
			GroupKey: web.GroupKey(g.Cause), Users: g.Users, First: g.First, Latest: g.Latest, UserID: g.UserID, Reason: g.Reason,
		}
	}
	return groups, err
}

// AttentionPage implements [web.Attender].
func (a attendant) AttentionPage(ctx context.Context, g web.GroupKey, after int64, n int) ([]web.AttentionUser, error) {
	found, err := a.store.AttentionPage(ctx, store.Cause(g), after, n)
	users := make([]web.AttentionUser, len(found))
	for i, r := range found {
		u := r.User.User
		users[i] = web.AttentionUser{
			Key: r.User.Key, ID: u.ID, Name: u.Name, Email: u.Email, Country: u.Country, Status: u.Status,
			Step: r.Step, Round: r.Round, Attempts: r.Attempts, Reason: r.Reason, Since: r.Since,
		}
	}
	return users, err
}

// Inbox implements [web.Attender].
func (a attendant) Inbox(ctx context.Context, n int) ([]web.InboxRow, error) {
	found, err := a.store.Inbox(ctx, n)
	rows := make([]web.InboxRow, len(found))
	for i, r := range found {
		rows[i] = web.InboxRow{ExternalID: r.ExternalID, Event: r.Event, Effect: r.Effect, Times: r.N, First: r.FirstAt, Latest: r.LastAt}
	}
	return rows, err
}

// Settle implements [web.Attender].
func (a attendant) Settle(ctx context.Context, externalID, event string, by web.Act) (bool, error) {
	err := a.store.SettleNews(ctx, externalID, event, actOf(by), a.now())
	if errors.Is(err, store.ErrNotFound) {
		return false, nil
	}
	return err == nil, err
}

// ActOnUsers implements [web.Attender]. A user who is not there any more, or may not
// be given that status, is refused. An act that was begun goes on though its operator
// leaves. An error ends it; where something was done by then, the result says so.
func (a attendant) ActOnUsers(ctx context.Context, users []string, do web.GroupAct, by web.Act) (r web.GroupResult, err error) {
	ctx = context.WithoutCancel(ctx)
	queued := false
	for i, id := range users {
		whyNot, err := a.actOn(ctx, id, do, actOf(by))
		if err != nil && r.Done == 0 {
			return r, err
		}
		if err != nil {
			a.log.Error("an act on a group ended early", "done", r.Done, "left", len(users)-i, "error", err)
			r.Refused = append(r.Refused, web.Refused{Why: "the ledger failed before these were reached; the log says why", Users: len(users) - i, Sample: id})
			break
		}
		switch {
		case whyNot == "":
			r.Done++
			queued = queued || do == web.GroupResend || do == web.GroupForce
		default:
			r.Refused = refuse(r.Refused, whyNot, id)
		}
	}
	if queued {
		err = a.beginRun(ctx, store.ByResend)
	}
	return r, err
}

func (a attendant) actOn(ctx context.Context, id string, do web.GroupAct, by store.Act) (whyNot string, err error) {
	found, err := a.store.Find(ctx, id)
	if errors.Is(err, store.ErrNotFound) {
		return "the ledger does not know the user", nil
	}
	if err != nil {
		return "", err
	}
	switch do {
	case web.GroupResend, web.GroupForce:
		return queueResend(ctx, a.store, found, a.plan, by, do == web.GroupForce, a.now())
	case web.GroupVerified, web.GroupRejected, web.GroupOptOut:
		status := pipeline.Status(do)
		if found.User.Status == pipeline.Erased {
			return "the user was erased, which is final", nil
		}
		return "", a.store.Mark(ctx, found.User.ID, status, planner(a.plan, a.now), by, a.now())
	}
	return "", fmt.Errorf("act on a user: there is no act %q", do)
}

// refuse counts one more user who was refused for that reason.
func refuse(all []web.Refused, why, user string) []web.Refused {
	for i := range all {
		if all[i].Why == why {
			all[i].Users++
			return all
		}
	}
	return append(all, web.Refused{Why: why, Users: 1, Sample: user})
}
