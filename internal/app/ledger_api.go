package app

import (
	"context"
	"time"

	"alta/pipeline"
	"alta/store"
)

// deskLedger is what the API asks of either engine beside what the commands do.
type deskLedger interface {
	EnrolEach(ctx context.Context, users []pipeline.User, plan store.Planner, note string, by store.Act, now time.Time) (map[string]store.Outcome, error)
	Search(ctx context.Context, q store.Search) (page []store.UserRecord, next string, err error)
	Forecast(ctx context.Context, from, until time.Time) ([]store.ForecastHour, error)
	NoteAct(ctx context.Context, action, user, detail string, by store.Act, now time.Time) error

	StartRequest(ctx context.Context, k store.RequestKey, d store.RequestDigest, forgotten, lost, now time.Time) (known *store.Request, err error)
	FinishRequest(ctx context.Context, k store.RequestKey, status int, body []byte) error
	DropRequest(ctx context.Context, k store.RequestKey) error
}
