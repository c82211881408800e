package app

import (
	"context"
	"errors"
	"time"

	"alta/internal/web"
	"alta/pipeline"
	"alta/store"
)

const (
	// answerEvery is how often it is looked whether the partner API is back for those
	// who want to be mailed then: with a question that opens nothing, and if that is
	// answered one mint, which one of them may use.
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

// round looks whether the partner API answers at all, which costs nobody a session,
// and then mints for one of them, the oldest who was not tried in vain. If that goes
// well all are mailed whom the same call serves. Its error is the ledger's.
func (a *askers) round(ctx context.Context) error {
	all, err := a.store.Askers(ctx, mostAskers, a.now())
	if err != nil || len(all) == 0 {
		a.tried = nil
		return err
	}
	if !a.answers(ctx) {
		return nil
	}
	if done, err := a.try(ctx, all); done || err != nil || len(a.tried) == 0 {
		return err
	}
	a.tried = nil // all were tried: begin anew
	_, err = a.try(ctx, all)
	return err
}

// answers tells whether the partner API can be reached and takes the key.
func (a *askers) answers(ctx context.Context) bool {
	err := a.capa.Check(ctx)
	f, classified := errors.AsType[*pipeline.Fault](err)
	return err == nil || classified && f.Kind == pipeline.Hold // it answers, and a mint will show the rest
}

// try goes on until the partner API was asked for a session; done tells whether it was.
func (a *askers) try(ctx context.Context, all []store.Wisher) (done bool, err error) {
	spent, others := map[lane]bool{}, map[lane]bool{}
	for _, w := range all {
		l := lane{w.User.Country, w.User.Type}
		if a.tried[w.User.ID] {
			others[l] = true
			continue
		}
		_, minted, err := a.open(ctx, pipeline.Holder{Ticket: &w.Ticket, Probe: true})
		f, classified := errors.AsType[*pipeline.Fault](err)
		switch {
		case minted:
			return true, a.answer(ctx, all, l)
		case err == nil: // minted before, which shows nothing of this moment
			err = a.answer(ctx, []store.Wisher{w}, l)
		case errors.Is(err, web.ErrUnknownTicket): // erased since
			err = nil
		case !classified || f.Code == pipeline.LedgerCode:
		case f.Kind == pipeline.Cancel: // a user who may have no session gets no mail either
			err = a.store.DropAsker(ctx, w.User.ID)
		case f.Code == pipeline.CodeBudget:
			spent[l], err = true, nil
		default: // the partner API was asked, or another one asks it
			a.note(w.User)
			return true, nil
		}
		if err != nil {
			return false, err
		}
	}
	for l := range spent {
		if others[l] {
			continue
		}
		// Nobody is left to mint for, and the partner API answers.
		if err := a.answer(ctx, all, l); err != nil {
			return false, err
		}
	}
	return false, nil
}

func (a *askers) note(u pipeline.User) {
	if a.tried == nil {
		a.tried = map[string]bool{}
	}
	a.tried[u.ID] = true
}

// lane is whom one call of the partner API serves: a country may be on hold for
// persons, and not for businesses.
type lane struct {
	country pipeline.Country
	kind    pipeline.UserType
}

func (a *askers) answer(ctx context.Context, all []store.Wisher, open lane) error {
	queued := 0
	for _, w := range all {
		if (lane{w.User.Country, w.User.Type}) != open {
			continue
		}
		ok, err := a.store.AnswerAsker(ctx, w.User.ID, a.plan.MaxMails, a.now())
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
