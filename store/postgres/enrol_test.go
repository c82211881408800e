package postgres

import (
	"context"
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"alta/pipeline"
	"alta/store"
)

// Two machines that enrol the same newcomers add each once, whatever their order.
func TestTwoMachinesAddAUserOnce(t *testing.T) {
	s := newStore(t)
	users := numbered("user", 300)
	backwards := make([]pipeline.User, len(users))
	for i, u := range users {
		backwards[len(users)-1-i] = u
	}
	var both sync.WaitGroup
	var counts [2]store.Enrolled
	for i, batch := range [][]pipeline.User{users, backwards} {
		both.Go(func() {
			var err error
			if counts[i], err = s.Enrol(t.Context(), batch, store.Imported, inviteAt(noon), noon); err != nil {
				t.Error(err)
			}
		})
	}
	both.Wait()
	if sum := counts[0].Added + counts[1].Added; sum != len(users) {
		t.Errorf("%d were added, want %d", sum, len(users))
	}
	if sum := counts[0].Unchanged + counts[1].Unchanged; sum != len(users) {
		t.Errorf("%d were unchanged, want %d", sum, len(users))
	}
	if n := number(t, s, `SELECT count(*) FROM deliveries`); n != len(users) {
		t.Errorf("%d deliveries, want one each", n)
	}
	if err := s.Check(t.Context()); err != nil {
		t.Error(err)
	}
}

// A newcomer whom another machine adds at the same moment is one whom the ledger
// knows: the news is not lost.
func TestANewcomerOfAnotherMachineIsBroughtUpToDate(t *testing.T) {
	s := newStore(t)
	added, done := make(chan struct{}), make(chan error)
	go func() {
		done <- s.write(t.Context(), func(ctx context.Context, tx pgx.Tx) error {
			if _, err := enrol(ctx, tx, []pipeline.User{person("ana")}, store.Imported, inviteAt(noon), noon); err != nil {
				return err
			}
			close(added)
			return waitForALock(ctx, s) // the other one's, on this user
		})
	}()
	<-added
	news := person("ana")
	news.Status = pipeline.Verified
	counts, err := s.Enrol(t.Context(), []pipeline.User{news}, store.Imported, inviteAt(noon), noon)
	if err != nil {
		t.Fatal(err)
	}
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	if want := (store.Enrolled{Updated: 1}); counts != want {
		t.Errorf("counts %+v, want %+v", counts, want)
	}
	if n := number(t, s, `SELECT count(*) FROM users u JOIN deliveries d ON d.user_key = u.key WHERE u.status = 'verified' AND d.state = 'cancelled'`); n != 1 {
		t.Error("the user is not verified, or mail is due")
	}
}

// Users of whom nothing changes are not locked, so that a pass over all of them
// keeps no mail waiting. One of whom something does change waits for a mail that
// begins, and the mail for the change.
func TestOnlyAChangeWaitsForAMailThatBegins(t *testing.T) {
	s := newStore(t)
	enrolUsers(t, s, person("ana"))
	err := s.write(t.Context(), func(ctx context.Context, tx pgx.Tx) error {
		if _, err := tx.Exec(ctx, `SELECT FROM users FOR SHARE`); err != nil {
			return err
		}
		brief, cancel := context.WithTimeout(ctx, 10*time.Second)
		defer cancel()
		if _, err := enrol(brief, tx, []pipeline.User{person("ana")}, store.Imported, inviteAt(noon), noon); err != nil {
			return err
		}
		if counts, err := s.Enrol(brief, []pipeline.User{person("ana")}, store.Imported, inviteAt(noon), noon); err != nil || counts.Unchanged != 1 {
			t.Errorf("the same again: %+v, %v", counts, err)
		}
		for what, change := range map[string]func() error{
			"an import": func() error {
				u := person("ana")
				u.Country = pipeline.DO
				_, err := s.Enrol(ctx, []pipeline.User{u}, store.Imported, inviteAt(noon), noon)
				return err
			},
			"a mark":     func() error { return s.Mark(ctx, "ana", pipeline.InReview, inviteAt(noon), operator, noon) },
			"a resend":   func() error { _, err := s.Resend(ctx, "ana", pipeline.Invite, false, operator, noon); return err },
			"an erasure": func() error { return s.Erase(ctx, "ana", operator, noon) },
		} {
			ended := make(chan error, 1)
			go func() { ended <- change() }()
			if err := waitForALock(ctx, s); err != nil {
				t.Errorf("%s did not wait: %v", what, err)
			}
			// Let go of it, without its change.
			if _, err := s.pool.Exec(ctx, `SELECT pg_cancel_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'`); err != nil {
				return err
			}
			if err := <-ended; err == nil {
				t.Errorf("%s was made beside a mail that begins", what)
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

// waitForALock returns once somebody in the database waits for a lock.
func waitForALock(ctx context.Context, s *Store) error {
	for end := time.Now().Add(10 * time.Second); time.Now().Before(end); time.Sleep(5 * time.Millisecond) {
		var waits bool
		err := s.pool.QueryRow(ctx, `SELECT EXISTS (SELECT 1 FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock')`).Scan(&waits)
		if err != nil || waits {
			return err
		}
	}
	return errors.New("nobody waits for a lock")
}

// What came of several batches at once comes in the order of the records.
func TestUsersComeInTheOrderOfTheirRecords(t *testing.T) {
	s := newStore(t)
	enrolUsers(t, s, numbered("user", lookedUpAtOnce+2)...)
	if n := number(t, s, `SELECT count(*) FROM (SELECT id, row_number() OVER (ORDER BY key) - 1 AS place FROM users) u WHERE id <> 'user-' || place`); n != 0 {
		t.Errorf("%d users are out of order", n)
	}
	if n := number(t, s, `SELECT count(*) FROM (SELECT user_key, row_number() OVER (ORDER BY id) AS place FROM deliveries) d WHERE user_key <> place`); n != 0 {
		t.Errorf("%d deliveries are out of order", n)
	}
}
