package app

import (
	"context"
	"errors"
	"fmt"
	"time"

	"alta/internal/web"
	"alta/internal/web/api"
	"alta/pipeline"
	"alta/store"
)

// api makes the routes of the API.
func (e *engine) api() []api.Route {
	d := desk{e}
	return api.Routes(api.Options{
		People: d, Mails: d, Opener: d, Works: works{d}, Keys: d,
		Who: func(ctx context.Context) string {
			who, ok := web.WhoAsks(ctx)
			if !ok {
				panic(errPastGuard)
			}
			return who.Name
		},
		PerMinute: e.config.Operator.APIRate, Patience: e.mintLimit() + leaseMargin,
		Now: e.now, Log: e.log,
	})
}

// errPastGuard is a bug: a request came in that the guard had not seen.
var errPastGuard = errors.New("a request reached the API past the guard")

// guardedCalls are the routes of the API as the guard has them.
func guardedCalls(calls []api.Route) (routes []web.Route) {
	for _, c := range calls {
		who := web.Viewers
		if c.Operators {
			who = web.Operators
		}
		routes = append(routes, web.Route{Method: c.Method, Path: c.Path, Who: who, Handler: c.Handler})
	}
	return routes
}

// desk does what the API is asked for, with the ledger.
type desk struct{ *engine }

// tokenActor is how the audit log names who acts with a token.
func tokenActor(token string) string { return "token:" + token }

func actBy(by api.By) store.Act { return store.Act{Actor: tokenActor(by.Token), Reason: by.Reason} }

func (d desk) planner() store.Planner { return planner(d.plan, d.now) }

// apiError says what the ledger met in the words of the API. What is alta's own trouble
// it leaves as it is.
func apiError(err error) error {
	refused := func(k api.Kind, after time.Duration, text string) error {
		p := api.Refuse(k, "%s", text)
		p.After = after
		return p
	}
	fault, isFault := errors.AsType[*pipeline.Fault](err)
	switch {
	case err == nil:
		return nil
	case errors.Is(err, store.ErrNotFound):
		return refused(api.NotFound, 0, "There is no user with this id. It is the Capa id; GET /api/v1/users finds one by email or external_id.")
	case errors.Is(err, store.ErrOnItsWay):
		return refused(api.Conflict, time.Minute, "A mail to the user is on its way this moment. Try again in a minute.")
	case errors.Is(err, store.ErrErased):
		return refused(api.Conflict, 0, "The user was erased, which is final.")
	case errors.Is(err, store.ErrCursor):
		return refused(api.Malformed, 0, "cursor must be the next of an earlier page of the same search.")
	case isFault && fault.Code == pipeline.LedgerCode:
		return refused(api.Unavailable, time.Minute, "The ledger can't be written just now, and nothing was done. Try again in a minute; 'alta doctor' says what is wrong.")
	}
	return err
}

// StartKey implements [api.Keys].
func (d desk) StartKey(ctx context.Context, k api.Key, digest api.Digest, forgotten, lost, now time.Time) (*api.Kept, error) {
	known, err := d.store.StartRequest(ctx, store.RequestKey(k), store.RequestDigest(digest), forgotten, lost, now)
	if err != nil || known == nil {
		return nil, apiError(err)
	}
	return &api.Kept{Digest: api.Digest(known.Digest), Status: known.Status, Body: known.Body}, nil
}

// FinishKey implements [api.Keys].
func (d desk) FinishKey(ctx context.Context, k api.Key, status int, body []byte) error {
	return d.store.FinishRequest(ctx, store.RequestKey(k), status, body)
}

// DropKey implements [api.Keys].
func (d desk) DropKey(ctx context.Context, k api.Key) error {
	return d.store.DropRequest(ctx, store.RequestKey(k))
}

// Open implements [api.Opener]. No link leaves that the audit log does not have.
func (d desk) Open(ctx context.Context, user string, by api.By) (pipeline.Link, error) {
	// A user is found by more than the id, and a session is opened by the id alone.
	if _, err := d.find(ctx, user); err != nil {
		return pipeline.Link{}, err
	}
	link, minted, err := d.opener().Open(ctx, pipeline.Holder{UserID: user})
	if err != nil {
		return pipeline.Link{}, linkError(err)
	}
	detail := "the one that the user had"
	if minted {
		detail = "minted"
	}
	if err := d.store.NoteAct(ctx, "link", user, detail, actBy(by), d.now()); err != nil {
		return pipeline.Link{}, apiError(fmt.Errorf("note who has the link: %w", err))
	}
	return link, nil
}

// linkError says why there is no link. What the partner API said stays in the log.
func linkError(err error) error {
	f, ok := errors.AsType[*pipeline.Fault](err)
	if !ok || f.Code == pipeline.LedgerCode {
		return apiError(err)
	}
	p := api.Refuse(api.Unavailable, "The partner API opens no verification just now (%s). Try again later; GET /api/v1/status has the pauses.", f.Code)
	p.After = max(f.After, time.Minute)
	switch {
	case f.Code == pipeline.CodeBudget:
		p = api.Refuse(api.Spent, "%s.", capitalized(f.Reason))
		p.After = f.After
	case f.Kind == pipeline.Cancel:
		p = api.Refuse(api.Conflict, "%s.", capitalized(f.Reason))
	case f.Code == "session_wait", f.Code == pipeline.CodeWait:
		p = api.Refuse(api.Unavailable, "A link of this user is being minted, or waits for its turn at the partner API. Try again in some seconds.")
		p.After = 5 * time.Second
	}
	return p
}

func capitalized(s string) string {
	if s == "" || s[0] < 'a' || s[0] > 'z' {
		return s
	}
	return string(s[0]-'a'+'A') + s[1:]
}
