package postgres

import (
	"errors"
	"sync"
	"testing"

	"alta/pipeline"
	"alta/store"
)

// A pass ends when another one begins, on whichever machine, and says so. What it
// returned counts for nothing then.
func TestAPassEndsWhenAnotherBegins(t *testing.T) {
	s := newStore(t)
	begin := func() *Sync {
		t.Helper()
		y, err := s.StartSync(t.Context(), inviteAt(noon))
		if err != nil {
			t.Fatal(err)
		}
		return y
	}
	enrol := func(y *Sync, ids ...string) error {
		var users []pipeline.User
		for _, id := range ids {
			users = append(users, person(id))
		}
		_, err := y.Enrol(t.Context(), users, noon)
		return err
	}
	old := begin()
	if err := enrol(old, "ana", "bob"); err != nil {
		t.Fatal(err)
	}
	newer := begin()
	if err := enrol(newer, "bob"); err != nil {
		t.Fatal(err)
	}
	if err := enrol(old, "ana", "cid"); !errors.Is(err, ErrOtherPass) {
		t.Errorf("the old pass enrolled: %v", err)
	}
	if withdrawn, err := old.Finish(t.Context(), noon); !errors.Is(err, ErrOtherPass) || withdrawn != 0 {
		t.Errorf("the old pass withdrew %d: %v", withdrawn, err)
	}
	if _, err := s.Find(t.Context(), "cid"); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("the old pass brought a user: %v", err)
	}
	if withdrawn, err := newer.Finish(t.Context(), noon); err != nil || withdrawn != 1 {
		t.Errorf("the newer pass withdrew %d, want ana: %v", withdrawn, err)
	}
	if _, err := newer.Finish(t.Context(), noon); !errors.Is(err, ErrOtherPass) {
		t.Errorf("a pass finished twice: %v", err)
	}
	if n := number(t, s, `SELECT count(*) FROM source_returned`); n != 0 {
		t.Errorf("%d rows of the passes are left", n)
	}
}

// However many machines begin a pass at once, one of them finishes it.
func TestOneOfManyPassesFinishes(t *testing.T) {
	const machines = 8
	s := newStore(t)
	enrolSourced(t, s, "ana", "bob")
	var begun, all sync.WaitGroup
	begun.Add(machines)
	ends := make(chan error, machines)
	for range machines {
		all.Go(func() {
			y, err := s.StartSync(t.Context(), inviteAt(noon))
			begun.Done()
			if err != nil {
				t.Error(err)
				return
			}
			begun.Wait()
			if _, err := y.Enrol(t.Context(), []pipeline.User{person("bob")}, noon); err != nil {
				ends <- err
				return
			}
			_, err = y.Finish(t.Context(), noon)
			ends <- err
		})
	}
	all.Wait()
	close(ends)
	finished := 0
	for err := range ends {
		switch {
		case err == nil:
			finished++
		case !errors.Is(err, ErrOtherPass):
			t.Error(err)
		}
	}
	if finished != 1 {
		t.Errorf("%d passes finished, want one", finished)
	}
	if n := number(t, s, `SELECT count(*) FROM users WHERE withdrawn AND id = 'ana'`); n != 1 {
		t.Error("ana is not withdrawn")
	}
}

func enrolSourced(t *testing.T, s *Store, ids ...string) {
	t.Helper()
	y, err := s.StartSync(t.Context(), inviteAt(noon))
	if err != nil {
		t.Fatal(err)
	}
	var users []pipeline.User
	for _, id := range ids {
		users = append(users, person(id))
	}
	if _, err := y.Enrol(t.Context(), users, noon); err != nil {
		t.Fatal(err)
	}
	if _, err := y.Finish(t.Context(), noon); err != nil {
		t.Fatal(err)
	}
}

// Whoever wants to pull the source waits for a pass that is under way, but not for
// one whose machine ended.
func TestPassUnderWay(t *testing.T) {
	s := newStore(t)
	want := func(when string, underWay bool) {
		t.Helper()
		if got, err := s.PassUnderWay(t.Context()); err != nil || got != underWay {
			t.Errorf("%s: under way: %v (%v), want %v", when, got, err, underWay)
		}
	}
	want("before the first", false)
	y, err := s.StartSync(t.Context(), inviteAt(noon))
	if err != nil {
		t.Fatal(err)
	}
	want("begun", true)
	s.exec(t, `UPDATE source_returned SET seen_at = seen_at - 31000 WHERE id = ''`)
	want("silent for half a minute", false)
	if _, err := y.Enrol(t.Context(), []pipeline.User{person("ana"), person("bob")}, noon); err != nil {
		t.Fatal(err)
	}
	want("after a batch", true)
	if _, err := y.Finish(t.Context(), noon); err != nil {
		t.Fatal(err)
	}
	want("at its end", false)
}
