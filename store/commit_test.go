package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"sync"
	"testing"

	"github.com/mattn/go-sqlite3"

	"alta/pipeline"
)

var errTest = errors.New("test")

// addUser writes one bare user.
func addUser(tx *sql.Tx, id string) error {
	_, err := tx.Exec(`INSERT INTO users (id, email, name, country, locale, time_zone, type, status, created_at, updated_at)
		VALUES (?, '', '', 'MX', '', '', 'INDIVIDUAL', 'pending', 0, 0)`, id)
	return err
}

func adding(id string, then error) *request {
	return &request{result: make(chan error, 1), apply: func(tx *sql.Tx) error {
		if err := addUser(tx, id); err != nil {
			return err
		}
		return then
	}}
}

func ids(t *testing.T, s *Store) []string {
	t.Helper()
	got, err := column[string](boundTo(t.Context(), s.reads), `SELECT id FROM users ORDER BY id`)
	if err != nil {
		t.Fatal(err)
	}
	return got
}

func TestAFailingWriteUndoesOnlyItself(t *testing.T) {
	s := openAt(t, newPath(t))
	batch := []*request{adding("a", nil), adding("b", errTest), adding("a", nil), adding("c", nil)}
	s.writer.commit(batch)
	got := make([]error, len(batch))
	for i, r := range batch {
		got[i] = <-r.result
	}
	if got[0] != nil || got[3] != nil {
		t.Errorf("the good writes returned %v and %v", got[0], got[3])
	}
	if !errors.Is(got[1], errTest) {
		t.Errorf("the failing write returned %v", got[1])
	}
	if e, ok := errors.AsType[sqlite3.Error](got[2]); !ok || e.ExtendedCode != sqlite3.ErrConstraintUnique {
		t.Errorf("the write of a user who exists returned %v", got[2])
	}
	if got := ids(t, s); !slices.Equal(got, []string{"a", "c"}) {
		t.Errorf("users are %v, want a and c", got)
	}
}

// A statement that fails midway leaves what it has changed by then, since the
// statements of a mail end with OR FAIL: the writer undoes that as well, in the
// first batch that has a failure and in the one after it, which goes with
// savepoints from the start.
func TestAStatementThatFailsMidwayLeavesNothing(t *testing.T) {
	s := openAt(t, newPath(t))
	enrolIDs(t, s, "a", "b", "c")
	midway := func() *request {
		return &request{result: make(chan error, 1), apply: func(tx *sql.Tx) error {
			// The first row becomes MX all right, the second one nothing.
			_, err := tx.Exec(`UPDATE OR FAIL users SET name = 'changed', country = iif(id = 'a', 'MX', 'US')`)
			return err
		}}
	}
	for round, id := range []string{"d", "e"} {
		if failing := round > 0; s.writer.failing != failing {
			t.Fatalf("before round %d the writer expects a failure: %v", round, s.writer.failing)
		}
		batch := []*request{midway(), adding(id, nil), midway()}
		s.writer.commit(batch)
		for i, r := range batch {
			if err := <-r.result; (err == nil) != (i == 1) {
				t.Errorf("round %d: write %d returned %v", round, i, err)
			}
		}
	}
	if got := ids(t, s); !slices.Equal(got, []string{"a", "b", "c", "d", "e"}) {
		t.Errorf("the ledger has %v", got)
	}
	var changed int
	if err := s.reads.QueryRow(`SELECT count(*) FROM users WHERE name = 'changed'`).Scan(&changed); err != nil || changed > 0 {
		t.Errorf("%d users were changed (%v)", changed, err)
	}
	if err := s.Check(t.Context()); err != nil {
		t.Error(err)
	}
}

func TestAWriteThatBreaksAForeignKeyFailsAlone(t *testing.T) {
	s := openAt(t, newPath(t))
	orphan := &request{result: make(chan error, 1), apply: func(tx *sql.Tx) error {
		_, err := tx.Exec(`INSERT INTO links (user_key, issued_at, expires_at) VALUES (4711, 0, 0)`)
		return err
	}}
	batch := []*request{adding("a", nil), orphan, adding("b", nil)}
	s.writer.commit(batch)
	for i, r := range batch {
		err := <-r.result
		lite, ok := errors.AsType[sqlite3.Error](err)
		if broke := ok && lite.ExtendedCode == sqlite3.ErrConstraintForeignKey; broke != (r == orphan) {
			t.Errorf("write %d returned %v", i, err)
		}
	}
	if got := ids(t, s); !slices.Equal(got, []string{"a", "b"}) {
		t.Errorf("users are %v, want a and b", got)
	}
	if n := count(t, s, `SELECT count(*) FROM links`); n != 0 {
		t.Errorf("%d links belong to nobody", n)
	}
}

func TestWritesOfACommitThatFailsAllFail(t *testing.T) {
	s := openAt(t, newPath(t))
	failCommits(t, s, true)
	batch := []*request{adding("a", nil), adding("b", nil)}
	s.writer.commit(batch)
	for i, r := range batch {
		if err := <-r.result; err == nil {
			t.Errorf("write %d was reported as done", i)
		}
	}
	failCommits(t, s, false)
	if got := ids(t, s); len(got) != 0 {
		t.Errorf("users are %v, want none", got)
	}
	enrolIDs(t, s, "c") // the next commit goes on
}

func TestABeginThatWasNotCommittedLeavesTheDeliveryAsItWas(t *testing.T) {
	s := openAt(t, newPath(t))
	enrolIDs(t, s, "ana")
	run, _, err := s.StartRun(t.Context(), ByCommand, noon, 0, noon)
	if err != nil {
		t.Fatal(err)
	}
	q := s.Queue(run, Everything)
	b, err := q.Pull(t.Context(), noon, 1)
	if err != nil {
		t.Fatal(err)
	}
	d := &b.Deliveries[0]
	failCommits(t, s, true)
	d.Link = pipeline.Link{URL: pipeline.NewSecret("https://kyc.example.com/1"), IssuedAt: noon, ExpiresAt: noon.AddDate(0, 0, 1)}
	if err := q.Keep(t.Context(), d); err == nil || d.Link.ID != 0 {
		t.Fatalf("a commit that failed kept a link: %v", err)
	}
	failCommits(t, s, false)
	fill(t, q, d)
	failCommits(t, s, true)
	if err := q.Begin(t.Context(), d, noon); err == nil {
		t.Fatal("a commit that failed was reported as done")
	}
	failCommits(t, s, false)
	v := pipeline.Plan{}.Judge(d, &pipeline.Fault{Kind: pipeline.Outage, Code: "ledger"}, noon)
	if err := q.Record(t.Context(), d, v, noon); err != nil {
		t.Errorf("the outage can't be recorded: %v", err)
	}
	if n := count(t, s, `SELECT count(*) FROM links l JOIN users u ON u.key = l.user_key WHERE u.id = 'ana'`); n != 1 {
		t.Errorf("ana has %d links, want the one that was minted", n)
	}
}

func TestConcurrentWritesAreAllKept(t *testing.T) {
	s := openAt(t, newPath(t))
	var writers sync.WaitGroup
	var want []string
	for i := range 100 {
		id := fmt.Sprintf("user-%02d", i)
		var then error
		if i%7 == 0 {
			then = errTest
		} else {
			want = append(want, id)
		}
		writers.Go(func() {
			err := s.write(t.Context(), adding(id, then).apply)
			if !errors.Is(err, then) {
				t.Errorf("%s: error is %v, want %v", id, err, then)
			}
			if then == nil && count(t, s, `SELECT count(*) FROM users WHERE id = ?`, id) != 1 {
				t.Errorf("%s can't be read after the write returned", id)
			}
		})
	}
	writers.Wait()
	if got := ids(t, s); !slices.Equal(got, want) {
		t.Errorf("users are %v, want %v", got, want)
	}
}

func TestCloseWaitsForTheWriteUnderWay(t *testing.T) {
	path := newPath(t)
	s, err := Open(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	begun, release, written, closed := make(chan struct{}), make(chan struct{}), make(chan error, 1), make(chan error, 1)
	go func() {
		written <- s.write(context.Background(), func(tx *sql.Tx) error {
			close(begun)
			<-release
			return addUser(tx, "ana")
		})
	}()
	<-begun
	go func() { closed <- s.Close() }()
	<-s.writer.closing
	select {
	case <-closed:
		t.Fatal("closed while a write was under way")
	default:
	}
	close(release)
	if err := errors.Join(<-written, <-closed); err != nil {
		t.Fatal(err)
	}
	if got := ids(t, openAt(t, path)); !slices.Equal(got, []string{"ana"}) {
		t.Errorf("users are %v, want ana", got)
	}
}

func TestAWriteAfterCloseSaysSo(t *testing.T) {
	s, err := Open(t.Context(), newPath(t))
	if err != nil {
		t.Fatal(err)
	}
	for range 2 { // closing twice does no harm
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := s.Enrol(t.Context(), nil, Imported, nil, noon); !errors.Is(err, errClosed) {
		t.Errorf("error is %v, want %v", err, errClosed)
	}
}

func TestAWriteWhoseContextEndedIsNotBegun(t *testing.T) {
	s := openAt(t, newPath(t))
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	for range 1000 {
		runtime.Gosched() // so that the writer waits for a request
		if err := s.write(ended, adding("late", nil).apply); !errors.Is(err, context.Canceled) {
			t.Fatalf("error is %v, want %v", err, context.Canceled)
		}
	}

	begun, release, first := make(chan struct{}), make(chan struct{}), make(chan error, 1)
	go func() {
		first <- s.write(t.Context(), func(tx *sql.Tx) error {
			close(begun)
			<-release
			return addUser(tx, "first")
		})
	}()
	<-begun
	waiting, cancel := context.WithCancel(t.Context())
	second := make(chan error, 1)
	go func() { second <- s.write(waiting, adding("second", nil).apply) }()
	cancel()
	if err := <-second; !errors.Is(err, context.Canceled) {
		t.Errorf("error of the write that waited is %v, want %v", err, context.Canceled)
	}
	close(release)
	if err := <-first; err != nil {
		t.Error(err)
	}
	if got := ids(t, s); !slices.Equal(got, []string{"first"}) {
		t.Errorf("users are %v, want the first alone", got)
	}
}

func TestAWriteThatHasBegunEndsThoughItsContextDoes(t *testing.T) {
	s := openAt(t, newPath(t))
	ctx, cancel := context.WithCancel(t.Context())
	err := s.write(ctx, func(tx *sql.Tx) error {
		cancel()
		return addUser(tx, "ana")
	})
	if err != nil || len(ids(t, s)) != 1 {
		t.Errorf("error is %v and users are %v, want ana", err, ids(t, s))
	}
}

// failCommits makes SQLite refuse every commit of the writer, or none.
func failCommits(t *testing.T, s *Store, fail bool) {
	t.Helper()
	conn, err := s.writes.Conn(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	err = conn.Raw(func(c any) error {
		var hook func() int
		if fail {
			hook = func() int { return 1 }
		}
		c.(*sqlite3.SQLiteConn).RegisterCommitHook(hook)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

// fill does what the stages Issue, Keep and Render do.
func fill(t *testing.T, q *Queue, d *pipeline.Delivery) {
	t.Helper()
	if !d.Link.Lasts() {
		d.Link = pipeline.Link{
			URL:      pipeline.NewSecret(fmt.Sprintf("https://kyc.example.com/%d-%d", d.ID, d.Attempt)),
			IssuedAt: noon, ExpiresAt: noon.AddDate(0, 0, 1),
		}
	}
	if err := q.Keep(t.Context(), d); err != nil {
		t.Fatal(err)
	}
	d.Message = pipeline.Message{ID: fmt.Sprintf("%d.%d@mail.example.com", d.ID, d.Attempt), Date: noon}
	d.Message.Digest = d.Message.Content.Digest()
}
