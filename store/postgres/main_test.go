package postgres

import (
	"context"
	"crypto/rand"
	"fmt"
	"net/url"
	"path"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"alta/internal/pgcluster"
	"alta/internal/pgcluster/pgtest"
	"alta/pipeline"
	"alta/store"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(pgtest.M{M: m}) }

var noon = time.Date(2026, time.March, 2, 12, 0, 0, 0, time.UTC)

var operator = store.Act{Actor: "olga", Reason: "test"}

// inviteAt plans an invite for every pending user who has had no mail.
func inviteAt(due time.Time) store.Planner {
	return func(u pipeline.User, h pipeline.History) (pipeline.Next, bool) {
		return pipeline.Next{Step: pipeline.Invite, DueAt: due}, u.Status == pipeline.Pending && h.Mails == 0
	}
}

func person(id string) pipeline.User {
	return pipeline.User{ID: id, Email: id + "@example.com", Name: "Name", Country: pipeline.MX}
}

// numbered are n users whose ids begin with the prefix.
func numbered(prefix string, n int) []pipeline.User {
	users := make([]pipeline.User, n)
	for i := range users {
		users[i] = person(fmt.Sprintf("%s-%d", prefix, i))
	}
	return users
}

// testKey is the same data key for every ledger of the tests.
func testKey(t testing.TB) *store.Key {
	t.Helper()
	k, err := store.ParseKey(pipeline.NewSecret(strings.Repeat("5a", store.KeySize)))
	if err != nil {
		t.Fatal(err)
	}
	return k
}

// newStore is a ledger of its own for a test that needs one or two.
func newStore(t testing.TB) *Store {
	t.Helper()
	s := openAt(t, pgtest.NewDatabase(t, pgtest.Shared(t)))
	if err := s.UseKey(t.Context(), testKey(t)); err != nil {
		t.Fatal(err)
	}
	return s
}

// openAt opens the ledger, as another machine would, and closes it when the test
// ends.
func openAt(t testing.TB, url string) *Store {
	t.Helper()
	s, err := Open(t.Context(), Options{URL: pipeline.NewSecret(url)})
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

// template is an empty ledger that others are copied from, which takes a small part
// of the time that the migrations take.
type template struct {
	cluster *pgcluster.Cluster
	name    string
}

func newTemplate(t testing.TB) template {
	t.Helper()
	c := pgtest.Shared(t)
	address := pgtest.NewDatabase(t, c)
	s, err := Open(t.Context(), Options{URL: pipeline.NewSecret(address)})
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil { // nobody may be connected to what is copied
		t.Fatal(err)
	}
	u, err := url.Parse(address)
	if err != nil {
		t.Fatal(err)
	}
	return template{c, path.Base(u.Path)}
}

// copy makes a ledger and returns its URL.
func (l template) copy(t testing.TB) string {
	t.Helper()
	name := "copy_" + strings.ToLower(rand.Text())
	if err := l.cluster.CreateDatabase(t.Context(), name, l.name); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := l.cluster.DropDatabase(context.WithoutCancel(t.Context()), name); err != nil {
			t.Error(err)
		}
	})
	return l.cluster.URL(name)
}

func enrolUsers(t testing.TB, s *Store, users ...pipeline.User) {
	t.Helper()
	if _, err := s.Enrol(t.Context(), users, store.Imported, inviteAt(noon), noon); err != nil {
		t.Fatal(err)
	}
}

func (s *Store) exec(t testing.TB, sql string, args ...any) {
	t.Helper()
	if _, err := s.pool.Exec(t.Context(), sql, args...); err != nil {
		t.Fatal(err)
	}
}

func number(t testing.TB, s *Store, query string, args ...any) (n int) {
	t.Helper()
	if err := s.pool.QueryRow(t.Context(), query, args...).Scan(&n); err != nil {
		t.Fatal(err)
	}
	return n
}

// startRun begins a run without a gap and returns its queue.
func startRun(t testing.TB, s *Store) *Queue {
	t.Helper()
	id, _, err := s.StartRun(t.Context(), store.ByCommand, time.Time{}, 0, noon)
	if err != nil {
		t.Fatal(err)
	}
	return s.Queue(id, store.Everything)
}

// fill does what the stages Issue and Render do.
func fill(d *pipeline.Delivery, now time.Time) {
	if d.Link.URL.IsZero() {
		d.Link = pipeline.Link{
			URL:      pipeline.NewSecret("https://kyc.example.com/?_al=" + rand.Text()),
			IssuedAt: now, ExpiresAt: now.Add(24 * time.Hour),
		}
	}
	d.Message = pipeline.Message{ID: rand.Text() + "@mail.example.com", Date: now}
	d.Message.Digest = d.Message.Content.Digest()
}
