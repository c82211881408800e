package store

import (
	"fmt"
	"maps"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/mattn/go-sqlite3"

	"alta/pipeline"
)

// A statement costs more to compile than to run. Those of a mail are compiled once,
// however many mails there are, whether SQLite is asked to or does it by itself: it
// compiles anew what was bound to other values, where these could lead to another
// index or to another plan for a LIMIT.
func TestNoStatementOfAMailIsCompiledTwice(t *testing.T) {
	const mails = 4 // of each pull
	for _, test := range []struct {
		sentence string
		fault    error
		lasting  bool
	}{
		{"A mail that was sent, with the one that comes next.", nil, false},
		{"A mail that is tried again.", &pipeline.Fault{}, false},
		{"A mail that failed, whose address is bad.", &pipeline.Fault{Kind: pipeline.Fail, BadAddress: true}, false},
		{"A mail in doubt.", &pipeline.Fault{Kind: pipeline.Doubt}, false},
		{"A mail with a link that lasts, which was sent.", nil, true},
		{"A mail with a link that lasts, which is tried again.", &pipeline.Fault{}, true},
	} {
		t.Run(test.sentence, func(t *testing.T) {
			s := openAt(t, newPath(t))
			users := make([]string, 3*mails)
			for i := range users {
				users[i] = fmt.Sprintf("user-%d", i)
			}
			enrolIDs(t, s, users...)
			run, _, err := s.StartRun(t.Context(), ByCommand, noon, 0, noon)
			if err != nil {
				t.Fatal(err)
			}
			q := s.Queue(run, Everything)
			compiled := watchCompiler(t, s)
			mailSome(t, q, mails, test.fault, test.lasting)
			if len(compiled.forget()) == 0 {
				t.Fatal("nothing was compiled, so that nobody was watching")
			}
			mailSome(t, q, mails, test.fault, test.lasting)
			compiled.forget()
			mailSome(t, q, mails, test.fault, test.lasting)
			if diff := cmp.Diff(stillCompiled(mails), compiled.forget()); diff != "" {
				t.Errorf("compiled again for %d mails, what is known (-) and what was (+):\n%s", mails, diff)
			}
		})
	}
}

// stillCompiled is what a pull and its n mails compile anew all the same. Whoever
// mends one takes it out, and the test fails until that is done.
func stillCompiled(n int) map[string]int {
	commits := 1 + 3*n
	return map[string]int{
		// The driver keeps no statement for these.
		"transaction BEGIN": commits, "transaction COMMIT": commits,
	}
}

// mailSome pulls n mails and brings each to that end.
func mailSome(t *testing.T, q *Queue, n int, fault error, lasting bool) {
	t.Helper()
	plan := pipeline.Plan{ReissueOnExpiry: true, MaxMails: 6, Tries: 8, ResendDoubt: true}
	batch, err := q.Pull(t.Context(), noon, n)
	if err != nil || len(batch.Deliveries) != n {
		t.Fatalf("%d deliveries were pulled, want %d: %v", len(batch.Deliveries), n, err)
	}
	for i := range batch.Deliveries {
		d := &batch.Deliveries[i]
		if lasting {
			digest := pipeline.DigestTicket(fmt.Sprint(d.ID, d.Attempt))
			d.Link = pipeline.Link{URL: pipeline.NewSecret("https://kyc.acme.example/k/x"), Ticket: &digest, IssuedAt: noon}
		}
		fill(t, q, d)
		if err := q.Begin(t.Context(), d, noon); err != nil {
			t.Fatal(err)
		}
		if err := q.Record(t.Context(), d, plan.Judge(d, fault, noon), noon); err != nil {
			t.Fatal(err)
		}
	}
}

// compiler counts what SQLite has compiled. It asks an authorizer about each part
// of a statement whenever it compiles one, be it for the first time or anew, and
// never when it runs one (https://www.sqlite.org/c3ref/set_authorizer.html).
type compiler struct {
	mu    sync.Mutex
	parts map[string]int
}

// watchCompiler watches the connection that writes. What was compiled before is
// compiled once more.
func watchCompiler(t *testing.T, s *Store) *compiler {
	t.Helper()
	c := &compiler{parts: map[string]int{}}
	conn, err := s.writes.Conn(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	err = conn.Raw(func(raw any) error {
		raw.(*sqlite3.SQLiteConn).RegisterAuthorizer(c.part)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := conn.Close(); err != nil {
		t.Fatal(err)
	}
	return c
}

// part allows everything, and notes it by the name of what is done and to what.
func (c *compiler) part(action int, on, _, _ string) int {
	verbs := map[int]string{
		sqlite3.SQLITE_SELECT: "SELECT", sqlite3.SQLITE_INSERT: "INSERT", sqlite3.SQLITE_UPDATE: "UPDATE",
		sqlite3.SQLITE_DELETE: "DELETE", sqlite3.SQLITE_TRANSACTION: "transaction", sqlite3.SQLITE_SAVEPOINT: "savepoint",
	}
	if verb, whole := verbs[action]; whole {
		c.mu.Lock()
		defer c.mu.Unlock()
		c.parts[strings.TrimSpace(verb+" "+on)]++
	}
	return sqlite3.SQLITE_OK
}

// forget returns what was counted and begins anew.
func (c *compiler) forget() map[string]int {
	c.mu.Lock()
	defer c.mu.Unlock()
	counted := maps.Clone(c.parts)
	clear(c.parts)
	return counted
}
