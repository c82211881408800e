package postgres

import (
	"context"
	"errors"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"alta/internal/pgcluster"
	"alta/internal/pgcluster/pgtest"
	"alta/pipeline"
	"alta/store"
)

// Two transactions that wait for each other are told apart by the server, which
// ends one; that one is made again, so that nobody notices.
func TestATransactionInADeadlockIsMadeAgain(t *testing.T) {
	s := newStore(t)
	enrolUsers(t, s, person("ana"), person("bob"))
	var both sync.WaitGroup
	var first [2]sync.Once
	var started sync.WaitGroup
	started.Add(2)
	tries := make(chan struct{}, 2*mostTries)
	rename := func(i int, ids ...string) {
		err := s.write(t.Context(), func(ctx context.Context, tx pgx.Tx) error {
			tries <- struct{}{}
			for _, id := range ids {
				if _, err := tx.Exec(ctx, `UPDATE users SET name = name || '.' WHERE id = $1`, id); err != nil {
					return err
				}
				first[i].Do(func() { started.Done(); started.Wait() }) // each has one when it asks for the other
			}
			return nil
		})
		if err != nil {
			t.Error(err)
		}
	}
	both.Go(func() { rename(0, "ana", "bob") })
	both.Go(func() { rename(1, "bob", "ana") })
	both.Wait()
	if len(tries) < 3 {
		t.Errorf("%d tries, want a third one: there was no deadlock, so that this proves nothing", len(tries))
	}
	if n := number(t, s, `SELECT count(*) FROM users WHERE name = 'Name..'`); n != 2 {
		t.Errorf("%d users have both changes, want 2", n)
	}
}

// A write that has begun ends, whatever becomes of its context.
func TestAWriteThatHasBegunEnds(t *testing.T) {
	s := newStore(t)
	enrolUsers(t, s, person("ana"))
	ctx, cancel := context.WithCancel(t.Context())
	err := s.write(ctx, func(ctx context.Context, tx pgx.Tx) error {
		cancel()
		_, err := tx.Exec(ctx, `UPDATE users SET name = 'Ana'`)
		return err
	})
	if err != nil {
		t.Error(err)
	}
	if n := number(t, s, `SELECT count(*) FROM users WHERE name = 'Ana'`); n != 1 {
		t.Error("the write is gone")
	}
	if err := s.write(ctx, func(context.Context, pgx.Tx) error { t.Error("a write began after the end"); return nil }); !errors.Is(err, context.Canceled) {
		t.Errorf("error is %v, want that of the context", err)
	}
	if err := s.Trouble(); err != nil {
		t.Errorf("trouble of a write that was called off: %v", err)
	}
}

func TestAWriteThatFailsIsUndone(t *testing.T) {
	s := newStore(t)
	enrolUsers(t, s, person("ana"))
	mine := errors.New("mine")
	err := s.write(t.Context(), func(ctx context.Context, tx pgx.Tx) error {
		_, err := tx.Exec(ctx, `UPDATE users SET name = 'Ana'`)
		return errors.Join(err, mine)
	})
	if !errors.Is(err, mine) {
		t.Errorf("error is %v, want the caller's", err)
	}
	if n := number(t, s, `SELECT count(*) FROM users WHERE name = 'Ana'`); n != 0 {
		t.Error("a write that failed was kept")
	}
}

// A server that is gone stops everybody, says so, and is forgotten with the first
// write that succeeds. A pass over the source that was under way is over then.
func TestTroubleLastsUntilAWriteSucceeds(t *testing.T) {
	c := pgtest.Start(t, pgcluster.Options{})
	s := openAt(t, pgtest.NewDatabase(t, c))
	enrolUsers(t, s, person("ana"))
	pass, err := s.StartSync(t.Context(), inviteAt(noon))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := pass.Enrol(t.Context(), []pipeline.User{person("bob")}, noon); err != nil {
		t.Fatal(err)
	}
	if err := c.Kill(); err != nil {
		t.Fatal(err)
	}
	_, err = s.Enrol(t.Context(), []pipeline.User{person("cid")}, store.Imported, inviteAt(noon), noon)
	if f, ok := errors.AsType[*pipeline.Fault](err); !ok || f.Kind != pipeline.Outage || f.Code != pipeline.LedgerCode {
		t.Errorf("error is %v, want the outage of a ledger that can't be written", err)
	}
	if f, ok := errors.AsType[*pipeline.Fault](s.Trouble()); !ok || f.Code != pipeline.LedgerCode {
		t.Errorf("trouble is %v, want that of the latest write", s.Trouble())
	}
	if err := c.Restart(t.Context()); err != nil {
		t.Fatal(err)
	}
	soon(t, func() error {
		_, err := s.Enrol(t.Context(), []pipeline.User{person("cid")}, store.Imported, inviteAt(noon), noon)
		return err
	})
	if err := s.Trouble(); err != nil {
		t.Errorf("trouble after a write that succeeded: %v", err)
	}
	if withdrawn, err := pass.Finish(t.Context(), noon); !errors.Is(err, ErrOtherPass) || withdrawn != 0 {
		t.Errorf("the pass of before the crash withdrew %d: %v", withdrawn, err)
	}
	if n := number(t, s, `SELECT count(*) FROM users WHERE withdrawn`); n != 0 {
		t.Errorf("%d users are withdrawn", n)
	}
	if err := s.Check(t.Context()); err != nil {
		t.Error(err)
	}
}

// soon repeats what may fail while connections of before are still in the pool.
func soon(t *testing.T, do func() error) {
	t.Helper()
	var err error
	for end := time.Now().Add(10 * time.Second); time.Now().Before(end); time.Sleep(50 * time.Millisecond) {
		if err = do(); err == nil {
			return
		}
	}
	t.Fatal(err)
}

// What somebody else said is kept, whatever bytes it has.
func TestTextOfOthersIsKept(t *testing.T) {
	for said, want := range map[string]string{
		"250 Ok":         "250 Ok",
		"550 niño":       "550 niño",
		"550 ni\xf1o":    "550 ni\uFFFDo",
		"550 \x00 there": "550 \uFFFD there",
	} {
		if got := text(said); got != want {
			t.Errorf("%q is kept as %q, want %q", said, got, want)
		}
	}
	s := newStore(t)
	run := startRun(t, s)
	if err := s.FinishRun(t.Context(), run.run, pipeline.Report{Outage: "ni\xf1o\x00"}, errors.New("\xff"), noon); err != nil {
		t.Fatal(err)
	}
	runs, err := s.Runs(t.Context(), 1)
	if err != nil || len(runs) != 1 || !strings.HasPrefix(runs[0].Report.Outage, "ni\uFFFDo") {
		t.Errorf("runs %v, %v", runs, err)
	}
}
