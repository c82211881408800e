package postgres

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"alta/pipeline"
	"alta/store"
	"alta/store/storetest"
)

func TestConformance(t *testing.T) {
	empty := newTemplate(t)
	storetest.Run(t, func(t *testing.T) storetest.Ledger {
		s, err := Open(t.Context(), Options{URL: pipeline.NewSecret(empty.copy(t))})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() {
			ctx := context.WithoutCancel(t.Context())
			for _, check := range []func(context.Context) error{s.Check, s.FoldCounts, s.Check} {
				if err := check(ctx); err != nil {
					t.Error(err)
				}
			}
			if err := s.Close(); err != nil {
				t.Error(err)
			}
		})
		return ledger{s}
	})
}

// ledger makes a Store fit the suite, which speaks of interfaces.
type ledger struct{ *Store }

func (l ledger) Queue(run int64, only store.Only) storetest.Queue {
	return &runQueue{Queue: l.Store.Queue(run, only)}
}

func (l ledger) StartSync(ctx context.Context, plan store.Planner) (storetest.Sync, error) {
	return l.Store.StartSync(ctx, plan)
}

// Dump asks the server for its tables, so that none is missed because the package
// forgot it. Bytes are shown as they are, so that a link in clear would be seen.
func (l ledger) Dump(ctx context.Context) (string, error) {
	rows, err := l.pool.Query(ctx, `SELECT c.relname, string_agg(
			CASE a.atttypid WHEN 'bytea'::regtype THEN format('encode(%I, ''escape'')', a.attname) ELSE format('%I::text', a.attname) END, ', ' ORDER BY a.attnum)
		FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
		WHERE c.relkind IN ('r', 'p', 'm') AND c.relnamespace NOT IN ('pg_catalog'::regnamespace, 'information_schema'::regnamespace)
		GROUP BY c.oid, c.relname ORDER BY c.relname`)
	type table struct{ name, columns string }
	tables, err := collect(rows, err, func(rows pgx.Rows) (x table, err error) { err = rows.Scan(&x.name, &x.columns); return x, err })
	if err != nil {
		return "", err
	}
	var dump strings.Builder
	for _, table := range tables {
		lines, err := column[string](ctx, l.pool, `SELECT concat_ws('|', `+table.columns+`) FROM `+pgx.Identifier{table.name}.Sanitize())
		if err != nil {
			return "", err
		}
		fmt.Fprintln(&dump, table.name, lines)
	}
	return dump.String(), nil
}

// runQueue makes a queue fit the suite, which knows deliveries by their run: of a
// delivery that is put back and pulled again it wants all to be as it was, and here
// the number of the claim is another one by design. So the suite sees none, and
// each queue keeps those of what it has pulled itself. A queue that has lost a
// delivery to another one still comes with its own old number, and is refused.
type runQueue struct {
	*Queue
	claims sync.Map // by the id of the delivery
}

func (q *runQueue) Pull(ctx context.Context, now time.Time, n int) (pipeline.Batch, error) {
	b, err := q.Queue.Pull(ctx, now, n)
	for i := range b.Deliveries {
		d := &b.Deliveries[i]
		q.claims.Store(d.ID, d.Claim)
		d.Claim = 0
	}
	return b, err
}

func (q *runQueue) Keep(ctx context.Context, d *pipeline.Delivery) error {
	defer q.claimed(d)()
	return q.Queue.Keep(ctx, d)
}

func (q *runQueue) Begin(ctx context.Context, d *pipeline.Delivery, now time.Time) error {
	defer q.claimed(d)()
	return q.Queue.Begin(ctx, d, now)
}

func (q *runQueue) Record(ctx context.Context, d *pipeline.Delivery, v pipeline.Verdict, now time.Time) error {
	defer q.claimed(d)()
	return q.Queue.Record(ctx, d, v, now)
}

// claimed shows the number of the claim until what it returns is called.
func (q *runQueue) claimed(d *pipeline.Delivery) (hide func()) {
	if claim, pulled := q.claims.Load(d.ID); pulled {
		d.Claim = claim.(int64)
	}
	return func() { d.Claim = 0 }
}
