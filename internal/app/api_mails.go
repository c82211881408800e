package app

import (
	"context"
	"errors"
	"fmt"

	"alta/internal/web/api"
	"alta/pipeline"
	"alta/store"
)

// Resend implements [api.Mails].
func (d desk) Resend(ctx context.Context, w api.Wish, by api.By) (done api.Resent, err error) {
	users, err := d.meant(ctx, w)
	if err != nil {
		return done, err
	}
	if n := len(users); n != w.Expect {
		p := api.Refuse(api.OtherNumber, "The number of users who match is %d, and you expect %d; nothing was sent. Look who they are, and ask again with the new number.", n, w.Expect)
		p.Matches = &n
		return done, p
	}
	for _, u := range users {
		var whyNot string
		if whyNot, err = d.resend(ctx, u, w.Force, by); err != nil {
			break
		}
		switch {
		case whyNot != "":
			done.Refused = append(done.Refused, api.Refusal{User: u.User.ID, Reason: whyNot})
		default:
			done.Queued = append(done.Queued, u.User.ID)
		}
	}
	if len(done.Queued) > 0 { // what was made due leaves, even where the rest failed
		err = errors.Join(err, d.beginRun(ctx, store.ByResend))
	}
	return done, apiError(err)
}

func (d desk) meant(ctx context.Context, w api.Wish) ([]store.UserRecord, error) {
	if w.User != "" {
		r, err := d.find(ctx, w.User)
		return []store.UserRecord{r}, err
	}
	users, err := d.store.Select(ctx, store.Selection{Country: w.Country, Expired: w.Expired, Failed: w.Failed, Doubt: w.Doubt}, d.now())
	return users, apiError(err)
}

func (d desk) resend(ctx context.Context, u store.UserRecord, force bool, by api.By) (whyNot string, err error) {
	now := d.now()
	if left := d.plan.GapLeft(u.History, now); left > 0 && !force && u.User.Status == pipeline.Pending {
		return fmt.Sprintf("the last mail went out %s ago and plan.min_gap leaves the user in peace for %s more; force overrides it",
			span(now.Sub(u.History.LastAt)), span(left)), nil
	}
	return d.store.Resend(ctx, u.User.ID, pipeline.ResendStep(u.History), force, actBy(by), now)
}
