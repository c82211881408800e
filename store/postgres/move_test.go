package postgres

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"alta/internal/pgcluster/pgtest"
	"alta/pipeline"
	"alta/store"
)

var source = store.Carried{Ledger: "ledger", Turn: "turn"}

func openMoving(t *testing.T, url string) *Store {
	t.Helper()
	s, err := Open(t.Context(), Options{URL: pipeline.NewSecret(url), Moving: true})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

func beginMove(t *testing.T, s *Store, from store.Carried) *Move {
	t.Helper()
	m, err := s.BeginMove(t.Context(), from)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func closeMove(t *testing.T, m *Move) {
	t.Helper()
	if err := m.Close(); err != nil {
		t.Fatal(err)
	}
}

func tableNamed(name string) store.Table {
	for _, t := range store.Tables() {
		if t.Name == name {
			return t
		}
	}
	panic("there is no table " + name)
}

// row is a row of the table in which everything is as small as it may be, but for
// what is given.
func row(t store.Table, given map[string]any) store.Row {
	r := make(store.Row, len(t.Columns))
	for i, c := range t.Columns {
		value, ok := given[c.Name]
		switch {
		case ok:
			r[i] = value
		case c.Kind == store.Int:
			r[i] = int64(0)
		case c.Kind == store.Bool:
			r[i] = false
		case c.Kind == store.Text:
			r[i] = ""
		}
	}
	return r
}

func user(key int64) store.Row {
	return row(tableNamed("users"), map[string]any{"key": key, "id": fmt.Sprint("user-", key), "country": "MX", "type": "INDIVIDUAL", "status": "pending"})
}

func take(t *testing.T, m *Move, name string, rows ...store.Row) {
	t.Helper()
	table := tableNamed(name)
	if err := m.Take(t.Context(), table, table.Page(rows, m.Carried(table).After)); err != nil {
		t.Fatal(err)
	}
}

func TestNobodyOpensALedgerThatIsMovedTo(t *testing.T) {
	url := pgtest.NewDatabase(t, pgtest.Shared(t))
	s := openMoving(t, url)
	refused := func() error {
		other, err := Open(t.Context(), Options{URL: pipeline.NewSecret(url)})
		if err == nil {
			err = other.Close()
		}
		return err
	}
	if err := refused(); err != nil {
		t.Errorf("before the move: %v", err)
	}
	m := beginMove(t, s, source)
	take(t, m, "users", user(1))
	for range 2 {
		if err := refused(); !errors.Is(err, ErrMoving) || !strings.HasSuffix(err.Error(), "a move into this ledger has not come to its end; run 'alta move' again") {
			t.Errorf("during the move: %v", err)
		}
		closeMove(t, m)
		m = beginMove(t, s, source)
	}
	if err := m.Settle(t.Context()); err != nil {
		t.Fatal(err)
	}
	for range 2 { // the second time it has nothing to do
		if err := m.Finish(t.Context(), "alta.db", operator, noon); err != nil {
			t.Fatal(err)
		}
	}
	closeMove(t, m)
	if err := refused(); err != nil {
		t.Errorf("after the move: %v", err)
	}
	if m = beginMove(t, s, source); !m.Ended {
		t.Error("the move begins once more")
	}
	closeMove(t, m)
	enrolUsers(t, s, person("new"))
	if n := number(t, s, `SELECT key FROM users WHERE id = 'new'`); n != 2 {
		t.Errorf("the next user has number %d, want 2", n)
	}
	if n := number(t, s, `SELECT count(*) FROM audit WHERE action = 'move' AND actor = 'olga' AND detail LIKE 'from alta.db%'`); n != 1 {
		t.Errorf("%d lines of the audit log", n)
	}
}

func TestAMoveGoesOnOrBeginsAnewOrIsRefused(t *testing.T) {
	s := openMoving(t, pgtest.NewDatabase(t, pgtest.Shared(t)))
	m := beginMove(t, s, source)
	if _, err := s.BeginMove(t.Context(), source); err == nil || !strings.Contains(err.Error(), "at this moment") {
		t.Errorf("a second one beside the first begins with %v", err)
	}
	take(t, m, "data_key", store.Row{[]byte("digest")})
	take(t, m, "users", user(3), user(5))
	if err := m.Take(t.Context(), tableNamed("users"), store.Page{Rows: []store.Row{user(5)}, After: 6}); err == nil {
		t.Error("a user came twice")
	}
	closeMove(t, m)

	m = beginMove(t, s, source)
	if c := m.Carried(tableNamed("users")); c.After != 5 || c.Rows != 2 {
		t.Errorf("it goes on from %+v", c)
	}
	behind := *m
	behind.carried = map[string]Carried{}
	if err := behind.Take(t.Context(), tableNamed("users"), store.Page{Rows: []store.Row{user(7)}, After: 7}); !errors.Is(err, errCutIn) {
		t.Errorf("a page that follows on nothing: %v", err)
	}
	closeMove(t, m)

	if _, err := s.BeginMove(t.Context(), store.Carried{Ledger: "other", Turn: "turn"}); err == nil || !strings.Contains(err.Error(), "another ledger has begun to move here") {
		t.Errorf("another ledger begins with %v", err)
	}
	m = beginMove(t, s, store.Carried{Ledger: "ledger", Turn: "later"})
	if n := number(t, s, `SELECT (SELECT count(*) FROM users) + (SELECT count(*) FROM data_key) + (SELECT count(*) FROM funnel_counts)`); n != 0 {
		t.Errorf("%d rows of the earlier turn are there", n)
	}
	take(t, m, "users", user(3))
	if err := m.Settle(t.Context()); err != nil {
		t.Error(err)
	}
	if err := m.Finish(t.Context(), "alta.db", operator, noon); err != nil {
		t.Error(err)
	}
	closeMove(t, m)
	for _, from := range []store.Carried{source, {Ledger: "ledger"}, {Ledger: "other", Turn: "turn"}} {
		if err := s.MayMove(t.Context(), from); err == nil || !strings.Contains(err.Error(), "the ledger is not empty: it holds users, audit, audit_chain;") {
			t.Errorf("%v may move with %v", from, err)
		}
	}
}

// What is shared came to be so after it was kept, and a page of links needs no more
// locks than the server has.
func TestLinksThatAreSharedCome(t *testing.T) {
	s := openMoving(t, pgtest.NewDatabase(t, pgtest.Shared(t)))
	m := beginMove(t, s, source)
	take(t, m, "users", user(1))
	var links []store.Row
	for i := range int64(20_000) {
		link := row(tableNamed("links"), map[string]any{"id": i + 1, "user_key": int64(1), "superseded_at": int64(1), "fingerprint": []byte{byte(i), byte(i >> 8)}, "shared": i < 1000})
		links = append(links, link)
	}
	links = append(links, row(tableNamed("links"), map[string]any{"id": int64(30_000), "user_key": int64(1), "superseded_at": int64(1), "fingerprint": []byte{1, 0}, "shared": true}))
	take(t, m, "links", links...)
	closeMove(t, m)
	// Outside of a move the rule holds as before.
	_, err := s.pool.Exec(t.Context(), `INSERT INTO links (user_key, fingerprint, issued_at, expires_at, superseded_at) VALUES (1, '\x0100', 0, 0, 1)`)
	if !broke(err, "links_have_one_user") {
		t.Errorf("a shared link is kept with %v", err)
	}
}

func TestASumSeesAChangedRow(t *testing.T) {
	s := openMoving(t, pgtest.NewDatabase(t, pgtest.Shared(t)))
	m := beginMove(t, s, source)
	defer closeMove(t, m)
	users := tableNamed("users")
	sent := []store.Row{user(1), user(4), user(9)}
	take(t, m, "users", sent...)
	want, err := users.Sum(func(int64, int) (store.Page, error) { return users.Page(sent, 0), nil })
	if err != nil {
		t.Fatal(err)
	}
	sum := func() store.Sum {
		t.Helper()
		got, err := m.Sum(t.Context(), users)
		if err != nil {
			t.Fatal(err)
		}
		return got
	}
	if sum() != want {
		t.Error("the rows that came are not those that were sent")
	}
	for _, c := range users.Columns {
		if c.Name == "key" || c.Name == "country" || c.Name == "type" || c.Name == "status" {
			continue
		}
		change := map[store.Kind]string{store.Int: `coalesce(` + c.Name + `, 0) + 1`, store.Bool: `NOT ` + c.Name, store.Text: c.Name + ` || '.'`}[c.Kind]
		s.exec(t, `BEGIN; UPDATE users SET `+c.Name+` = `+change+` WHERE key = 4; COMMIT`)
		if sum() == want {
			t.Errorf("a change of %s is not seen", c.Name)
		}
		s.exec(t, `DELETE FROM users`)
		s.exec(t, `UPDATE move SET after = 0`)
		m.carried["users"] = Carried{Table: "users"}
		take(t, m, "users", sent...)
	}
	if sum() != want {
		t.Error("what was put back is not the same")
	}
}
