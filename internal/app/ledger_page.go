package app

import (
	"context"
	"time"

	"alta/store"
)

// pageLedger is what the operator's page asks of either engine.
type pageLedger interface {
	Overview(ctx context.Context, now time.Time) (store.Overview, error)
	Forecast(ctx context.Context, from, until time.Time) ([]store.ForecastHour, error)
	Attention(ctx context.Context) ([]store.AttentionGroup, error)
	AttentionPage(ctx context.Context, c store.Cause, after int64, n int) ([]store.AttentionRecord, error)
	Inbox(ctx context.Context, n int) ([]store.NewsRecord, error)
	SettleNews(ctx context.Context, externalID, event string, by store.Act, now time.Time) error
	NoteTestMail(ctx context.Context, mail string, by store.Act, now time.Time) error
	ProbeNow(ctx context.Context, by store.Act, now time.Time) (ripe bool, err error)
}
