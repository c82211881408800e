package app

import (
	"context"
	"errors"
	"time"

	"alta/pipeline"
)

const (
	// answerEvery is how often it is looked whether the partner API is back for those
	// who want to be mailed then: with one mint, which one of them may use.
	answerEvery = time.Minute
	// mostAskers is how many of them are looked at, and mailed, at a time.
	mostAskers = 1000
)

// answerAskers mails, until ctx ends, those who asked for a mail once the partner API
// is back. Several machines may do so at a time: of two who mint for one user one
// waits for the other, and each user is answered once.
func (e *engine) answerAskers(ctx context.Context, opener opener) {
	ticks := time.NewTicker(answerEvery)
	defer ticks.Stop()
	asked := askers{engine: e, open: opener.Open}
	var unread seldom
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticks.C:
		}
		if err := asked.round(ctx); err != nil && ctx.Err() == nil && unread.due(e.now()) {
			e.log.Error("users who asked for a mail could not be answered; they are tried again each minute", "error", err)
		}
	}
}

// askers are those who asked for a mail once the partner API is back.
type askers struct {
	*engine
	open  func(context.Context, pipeline.Holder) (l pipeline.Link, minted bool, err error)
	tried map[string]bool // users for whom a session could not be opened, since all were
}

// round mints for one of them, the oldest who was not tried in vain, and if that goes
// well has all be mailed whom the same call serves. Its error is the ledger's.
func (a *askers) round(ctx context.Context) error {
	all, err := a.store.Askers(ctx, mostAskers)
	if err != nil || len(all) == 0 {
		a.tried = nil
		return err
	}
	for u, ok := a.next(all); ok; u, ok = a.next(all) {
		_, _, err := a.open(ctx, pipeline.Holder{UserID: u.ID})
		f, classified := errors.AsType[*pipeline.Fault](err)
		switch {
		case err == nil:
			return a.answer(ctx, all, lane{u.Country, u.Type})
		case !classified || f.Code == pipeline.LedgerCode:
			return err
		case f.Kind == pipeline.Cancel: // a user who may have no session gets no mail either
			if _, err := a.store.AnswerAsker(ctx, u.ID, a.now()); err != nil {
				return err
			}
		}
		a.note(u)
		if f.Kind != pipeline.Cancel && f.Code != pipeline.CodeBudget {
			return nil // the partner API was asked, or another one asks it
		}
	}
	a.tried = nil // all were tried: the next round begins anew
	return nil
}

func (a *askers) note(u pipeline.User) {
	if a.tried == nil {
		a.tried = map[string]bool{}
	}
	a.tried[u.ID] = true
}

func (a *askers) next(all []pipeline.User) (pipeline.User, bool) {
	for _, u := range all {
		if !a.tried[u.ID] {
			return u, true
		}
	}
	return pipeline.User{}, false
}

// lane is whom one call of the partner API serves: a country may be on hold for
// persons, and not for businesses.
type lane struct {
	country pipeline.Country
	kind    pipeline.UserType
}

func (a *askers) answer(ctx context.Context, all []pipeline.User, open lane) error {
	queued := 0
	for _, u := range all {
		if (lane{u.Country, u.Type}) != open {
			continue
		}
		ok, err := a.store.AnswerAsker(ctx, u.ID, a.now())
		if err != nil {
			return err
		}
		if ok {
			queued++
		}
	}
	a.log.Info("links are minted again; users who asked for it are mailed", "country", open.country, "type", open.kind, "users", queued)
	return nil
}
