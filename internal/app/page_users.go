package app

import (
	"context"
	"errors"
	"fmt"

	"alta/internal/web"
	"alta/pipeline"
	"alta/store"
)

// clerk finds users, tells all about one, and acts on them, for the operator's page.
// It implements [web.UserFinder] and [web.UserDesk].
type clerk struct{ *engine }

// FindUsers implements [web.UserFinder].
func (c clerk) FindUsers(ctx context.Context, q web.UserQuery) (web.UserList, error) {
	found, next, err := c.store.Search(ctx, store.Search{
		Text: q.Text, Country: q.Country, Status: q.Status, Type: q.Type, Locale: q.Locale, Stage: store.Stage(q.Stage),
		After: q.After, Limit: q.Limit,
	})
	if errors.Is(err, store.ErrCursor) {
		return web.UserList{}, fmt.Errorf("%w: %w", web.ErrPlace, err)
	}
	list := web.UserList{Next: next}
	for _, r := range found {
		list.Users = append(list.Users, userRow(r))
	}
	return list, err
}

// UserStory implements [web.UserDesk].
func (c clerk) UserStory(ctx context.Context, id string) (web.UserStory, error) {
	x, err := c.explain(ctx, id)
	if err != nil {
		return web.UserStory{}, err
	}
	moments, err := c.store.Timeline(ctx, id)
	if err != nil {
		return web.UserStory{}, unknownUser(err)
	}
	u, now := x.user, c.now()
	s := web.UserStory{
		UserRow: userRow(u), TimeZone: u.User.TimeZone, LocalTime: now.In(u.User.Location()),
		LinkExpiresAt: u.History.LinkExpiresAt, ResendStep: pipeline.ResendStep(u.History),
		Next: x.prospect(c.plan, now), Cut: len(moments) == store.MostMoments,
	}
	for _, m := range moments {
		s.Moments = append(s.Moments, momentOut(m))
	}
	return s, nil
}

// explain reads what the prospect of a user follows from. The timeline has the rest.
func (c clerk) explain(ctx context.Context, id string) (x explanation, err error) {
	if x.user, err = c.find(ctx, id); err != nil {
		return x, err
	}
	if x.deliveries, err = c.store.Deliveries(ctx, id); err != nil {
		return x, err
	}
	if x.pauses, err = c.store.Pauses(ctx); err != nil {
		return x, err
	}
	x.idle, err = c.store.idle(ctx)
	return x, err
}

// find returns the user with exactly that id.
func (c clerk) find(ctx context.Context, id string) (store.UserRecord, error) {
	found, err := c.store.Find(ctx, id)
	if err == nil && found.User.ID != id {
		return found, fmt.Errorf("%w: %s is no id", web.ErrNoUser, id) // but an address, or an external id
	}
	return found, unknownUser(err)
}

// unknownUser says that the ledger does not know the user in the words of the page.
func unknownUser(err error) error {
	if errors.Is(err, store.ErrNotFound) {
		return fmt.Errorf("%w: %w", web.ErrNoUser, err)
	}
	return err
}

func userRow(r store.UserRecord) web.UserRow {
	u := r.User
	return web.UserRow{
		ID: u.ID, ExternalID: u.ExternalID, Name: u.Name, Email: u.Email, Country: u.Country, Locale: u.Locale, Type: u.Type, Status: u.Status,
		Mails: r.History.Mails, LastMail: r.History.LastAt, OpenedAt: r.OpenedAt, VerifiedAt: r.VerifiedAt, AddedAt: r.CreatedAt,
		AddressBad: r.AddressBad, Withdrawn: r.Withdrawn,
	}
}

func momentOut(m store.Moment) web.Moment {
	return web.Moment{
		At: m.At, Kind: web.MomentKind(m.Kind), Step: m.Step, Round: m.Round, State: m.State,
		Outcome: m.Outcome, Code: m.Code, Reason: m.Reason, Reply: m.Reply,
		Until: m.Until, Session: string(m.Session), AskedBy: m.AskedBy, Visit: m.Visit,
		Event: m.Event, Effect: m.Effect, N: m.N, LastAt: m.LastAt, Actor: m.Actor, Action: m.Action, Detail: m.Detail,
	}
}
