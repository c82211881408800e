package intake_test

import (
	"context"
	"sync"

	"alta/pipeline"
)

// ledger keeps users in memory, and moves them as the real one promises to.
type ledger struct {
	mu    sync.Mutex
	users map[string]pipeline.Status // by external id
	got   []pipeline.News
	fails error // instead of taking anything
}

func (l *ledger) News(ctx context.Context, n pipeline.News) (pipeline.Effect, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.fails != nil {
		return "", l.fails
	}
	if err := ctx.Err(); err != nil {
		return "", err
	}
	l.got = append(l.got, n)
	was, known := l.users[n.ExternalID]
	switch {
	case n.Status == "":
		return pipeline.UnknownEvent, nil
	case !known:
		return pipeline.UnknownUser, nil
	case was.Advance(n.Status) == was:
		return pipeline.KnownAlready, nil
	}
	l.users[n.ExternalID] = was.Advance(n.Status)
	return pipeline.Applied, nil
}

// count is a metric's.
type count struct {
	mu sync.Mutex
	of map[[2]string]int
}

func (c *count) CountNews(event, effect string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.of == nil {
		c.of = map[[2]string]int{}
	}
	c.of[[2]string{event, effect}]++
}
