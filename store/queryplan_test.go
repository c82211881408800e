package store

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/mattn/go-sqlite3"

	"alta/pipeline"
)

var (
	// tableScan matches a step of a query plan that reads the whole of a table
	// that grows with the users.
	tableScan = regexp.MustCompile(`^SCAN (users|u|deliveries|d|attempts|links|l|audit|sessions|s|visits|v|askers|news|n)\b`)

	// partialIndex matches one that reads only what is not settled.
	partialIndex = regexp.MustCompile(`INDEX (deliveries_(due|operator|owned)|sessions_minting|news_inbox)\b`)

	// newParent matches a statement whose plan names a scan of child tables that
	// SQLite makes only while foreign keys are violated, which here they never are.
	newParent = regexp.MustCompile(`^INSERT (OR FAIL )?INTO (runs|links) `)
)

func TestNoQueryOfARunReadsAWholeTable(t *testing.T) {
	s, said := openRecorded(t)
	runOnce(t, s)
	if len(said.queries) < 20 {
		t.Fatalf("only %d statements were recorded", len(said.queries))
	}
	for _, query := range said.queries {
		for _, step := range planOf(t, s, query) {
			if tableScan.MatchString(step) && !partialIndex.MatchString(step) && !newParent.MatchString(query) {
				t.Errorf("%s\n\tof the statement\n%s", step, query)
			}
		}
	}
}

func TestPullFollowsTheIndexOfWhatIsDue(t *testing.T) {
	s, said := openRecorded(t)
	runOnce(t, s)
	choices := 0
	for _, query := range said.queries {
		if !strings.HasPrefix(query, "SELECT id FROM deliveries\n\t\t\t\tWHERE state = 'due'") {
			continue
		}
		choices++
		plan := planOf(t, s, query)
		want := []string{"SEARCH deliveries USING COVERING INDEX deliveries_due (country=? AND type=? AND operator=? AND due_at<?)"}
		if !slices.Equal(plan, want) {
			t.Errorf("plan is %q, want %q", plan, want)
		}
	}
	if choices != 1 {
		t.Errorf("%d statements choose what to claim, want one for all lanes", choices)
	}
}

func TestOperatorDueFollowsItsIndex(t *testing.T) {
	s, said := openRecorded(t)
	if _, err := s.OperatorDue(t.Context(), noon); err != nil {
		t.Fatal(err)
	}
	plan := strings.Join(planOf(t, s, said.queries[len(said.queries)-1]), "\n")
	if !strings.Contains(plan, "INDEX deliveries_operator (due_at<?)") {
		t.Errorf("plan is %q, want a search of deliveries_operator", plan)
	}
}

// runOnce does all that a run, an import of known users or an operator does.
func runOnce(t *testing.T, s *Store) {
	t.Helper()
	ctx, by := t.Context(), Act{"olga", "test"}
	plan := pipeline.Plan{MaxMails: 6, Tries: 3, ReissueOnExpiry: true}
	check := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	judge := func(d *pipeline.Delivery, _ bool) pipeline.Verdict {
		return plan.Judge(d, &pipeline.Fault{Kind: pipeline.Doubt}, noon)
	}
	enrolIDs(t, s, "a", "b", "c", "d", "e", "f")
	moved := pipeline.User{ID: "f", ExternalID: "x", Email: "new@example.com", Name: "F", Country: pipeline.DO}
	_, err := s.Enrol(ctx, []pipeline.User{moved}, Sourced, inviteAt(noon), noon)
	check(err)
	id, _, err := s.StartRun(ctx, BySchedule, noon, 0, noon)
	check(err)
	q := s.Queue(id, Everything)
	batch, err := q.Pull(ctx, noon, 10)
	check(err)
	for i, fault := range []error{
		nil, &pipeline.Fault{}, &pipeline.Fault{Kind: pipeline.Fail, BadAddress: true}, &pipeline.Fault{Kind: pipeline.Doubt}, nil,
	} {
		d := &batch.Deliveries[i]
		fill(t, q, d)
		check(q.Begin(ctx, d, noon))
		if i < 4 {
			check(q.Record(ctx, d, plan.Judge(d, fault, noon), noon))
		}
	}
	_, _, err = s.Recover(ctx, noon, judge)
	check(err)
	check(s.FinishRun(ctx, id, pipeline.Report{}, nil, noon))
	_, _, err = s.LastSlot(ctx, noon)
	check(err)
	for _, user := range []string{"a", "d"} {
		_, err = s.Resend(ctx, user, pipeline.Reissue, true, by, noon)
		check(err)
	}
	check(s.Mark(ctx, "b", pipeline.Verified, inviteAt(noon), by, noon))
	check(s.Erase(ctx, "b", by, noon))
	for _, ref := range []string{"a", "x", "new@example.com"} {
		_, err = s.Find(ctx, ref)
		check(err)
	}
	check(s.write(ctx, func(tx *sql.Tx) error {
		return setPause(tx, pipeline.Verdict{Pause: &pipeline.Pause{Country: pipeline.MX, Type: pipeline.Individual, Since: noon, ProbeAt: noon}})
	}))
	probing, err := q.Pull(ctx, noon, 10)
	check(err)
	if !probing.Probe {
		t.Fatal("nothing was probed")
	}
	_, err = s.Deliveries(ctx, "a")
	check(err)
	_, err = s.Audit(ctx, "a")
	check(err)
	_, err = s.Due(ctx, noon, 10)
	check(err)
	_, err = s.CountDue(ctx, noon)
	check(err)
	_, _, err = s.QueueStatus(ctx, noon)
	check(err)
	clickOnce(t, s)
}

// recorded collects every statement that reaches SQLite: each once, and each time
// with what was bound.
type recorded struct {
	mu      sync.Mutex
	queries []string
	calls   []call
}

type call struct {
	query string
	args  []driver.NamedValue
}

func (r *recorded) add(query string, args []driver.NamedValue) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if !slices.Contains(r.queries, query) {
		r.queries = append(r.queries, query)
	}
	r.calls = append(r.calls, call{query, slices.Clone(args)})
}

// recordingConnector opens SQLite connections that say what they are told.
type recordingConnector struct {
	dsn  string
	said *recorded
}

func (c recordingConnector) Driver() driver.Driver { return &sqlite3.SQLiteDriver{} }

func (c recordingConnector) Connect(context.Context) (driver.Conn, error) {
	conn, err := c.Driver().Open(c.dsn)
	if err != nil {
		return nil, err
	}
	return &recordingConn{conn.(*sqlite3.SQLiteConn), c.said}, nil
}

type recordingConn struct {
	*sqlite3.SQLiteConn
	said *recorded
}

func (c *recordingConn) ExecContext(ctx context.Context, query string, args []driver.NamedValue) (driver.Result, error) {
	c.said.add(query, args)
	return c.SQLiteConn.ExecContext(ctx, query, args)
}

func (c *recordingConn) QueryContext(ctx context.Context, query string, args []driver.NamedValue) (driver.Rows, error) {
	c.said.add(query, args)
	return c.SQLiteConn.QueryContext(ctx, query, args)
}

func openRecorded(t *testing.T) (*Store, *recorded) {
	t.Helper()
	path := newPath(t)
	makeLedger(t, path)
	said := &recorded{}
	pool := func(more string) *sql.DB {
		db := sql.OpenDB(recordingConnector{dsn(path, walMode+more), said})
		db.SetMaxOpenConns(1)
		db.SetConnMaxLifetime(time.Hour)
		return db
	}
	s := &Store{path: path, writes: pool("&_txlock=immediate"), reads: pool("&_query_only=1")}
	s.writer = startWriter(s.writes)
	s.key.Store(testKey(t))
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s, said
}

// planOf returns the steps of SQLite's plan for the statement, with args or, with
// none, with NULL for each.
func planOf(t *testing.T, s *Store, query string, args ...driver.NamedValue) (steps []string) {
	t.Helper()
	conn, err := s.reads.Conn(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	err = conn.Raw(func(c any) error {
		statement, err := c.(*recordingConn).Prepare(`EXPLAIN QUERY PLAN ` + query)
		if err != nil {
			return err
		}
		defer statement.Close()
		if args == nil {
			args = make([]driver.NamedValue, statement.NumInput())
			for i := range args {
				args[i].Ordinal = i + 1
			}
		}
		rows, err := statement.(driver.StmtQueryContext).QueryContext(t.Context(), args)
		if err != nil {
			return err
		}
		defer rows.Close()
		for row := make([]driver.Value, 4); rows.Next(row) == nil; {
			steps = append(steps, row[3].(string))
		}
		return nil
	})
	if err != nil {
		t.Fatalf("explain %s: %v", query, err)
	}
	return steps
}
