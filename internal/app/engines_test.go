package app

import (
	"context"
	"database/sql"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	_ "github.com/jackc/pgx/v5/stdlib"

	"alta/internal/pgcluster"
	"alta/internal/pgcluster/pgtest"
	"alta/pipeline"
	"alta/store/postgres"
)

// onPostgres is the name of the sub-tests whose worlds have their ledger on
// PostgreSQL.
const onPostgres = "PostgreSQL"

// onEachEngine runs a test with its ledger in a file, and with its ledger on
// PostgreSQL.
func onEachEngine(t *testing.T, test func(*testing.T)) {
	t.Run("SQLite", func(t *testing.T) { t.Parallel(); test(t) })
	t.Run(onPostgres, func(t *testing.T) {
		t.Parallel()
		pgtest.Shared(t) // skips where there is none
		test(t)
	})
}

// databaseFor makes a database for a world whose test is about PostgreSQL, and
// returns "" for any other.
func databaseFor(t testing.TB) (url string) {
	t.Helper()
	if !strings.Contains(t.Name()+"/", "/"+onPostgres+"/") {
		return ""
	}
	return newLedgerDatabase(t, pgtest.Shared(t))
}

// ledgerTemplate is a database with the schema, which each world copies. Made once, it
// spares each of them the migrations.
var ledgerTemplate = struct {
	sync.Mutex
	made map[*pgcluster.Cluster]bool
}{made: map[*pgcluster.Cluster]bool{}}

const templateName = "alta_template"

// newLedgerDatabase makes a database with an empty ledger whose clock a test can
// set, and removes it when the test ends.
func newLedgerDatabase(t testing.TB, c *pgcluster.Cluster) (url string) {
	t.Helper()
	ledgerTemplate.Lock()
	defer ledgerTemplate.Unlock()
	if !ledgerTemplate.made[c] {
		check(t, c.CreateDatabase(t.Context(), templateName, ""))
		s, err := postgres.Open(t.Context(), postgres.Options{URL: pipeline.NewSecret(c.URL(templateName))})
		check(t, err)
		check(t, s.Close())
		execute(t, c.URL(templateName), settableClock)
		ledgerTemplate.made[c] = true
	}
	name := fmt.Sprintf("world_%d", time.Now().UnixNano())
	check(t, c.CreateDatabase(t.Context(), name, templateName))
	t.Cleanup(func() { check(t, c.DropDatabase(context.WithoutCancel(t.Context()), name)) })
	return c.URL(name) + "&search_path=clock,public,pg_catalog"
}

// settableClock puts a clock before PostgreSQL's own, for whoever names no schema,
// as alta does. It stands at the moment to which a test has set it, or runs on from
// there; nobody has set it, and it is the real one.
const settableClock = `
	CREATE SCHEMA clock;
	CREATE TABLE clock.hand (stands timestamptz, ahead interval);
	INSERT INTO clock.hand VALUES (NULL, '0');
	CREATE FUNCTION clock.clock_timestamp() RETURNS timestamptz LANGUAGE sql VOLATILE
		AS 'SELECT coalesce(stands, pg_catalog.clock_timestamp() + ahead) FROM clock.hand';`

func execute(t testing.TB, url, statements string) {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), url)
	check(t, err)
	_, err = conn.Exec(t.Context(), statements, pgx.QueryExecModeSimpleProtocol)
	check(t, err)
	check(t, conn.Close(t.Context()))
}

// setDatabaseClock sets the database's clock to the world's, where that is not the
// machine's own.
func (w *world) setDatabaseClock() {
	w.t.Helper()
	if w.postgres == "" {
		return
	}
	now, soon := w.now(), w.now()
	ahead := time.Until(now)
	switch {
	case ahead.Abs() < time.Second: // the real one
	case now.Equal(soon):
		w.change(`UPDATE clock.hand SET stands = ?`, now)
	default:
		w.change(fmt.Sprintf(`UPDATE clock.hand SET stands = NULL, ahead = '%d microseconds'`, ahead.Microseconds()))
	}
}

// sharedKey is the data key of every machine of the world's fleet; a ledger in a
// file makes its own.
func (w *world) sharedKey() string {
	if w.postgres == "" {
		return ""
	}
	return strings.Repeat("5a", 32)
}

// rowsOf is a database, to be read and changed behind alta's back.
type rowsOf struct {
	*sql.DB
	numbered bool // it has $1 in the place of ?
}

// rows returns the world's database. Nothing is opened before the first look.
func (w *world) rows() rowsOf { return w.db }

func (w *world) openRows() rowsOf {
	driver, name := "sqlite3", w.path("alta.db")
	if w.postgres != "" {
		driver, name = "pgx", w.postgres
	}
	db, err := sql.Open(driver, name)
	check(w.t, err)
	if w.postgres == "" {
		db.SetMaxIdleConns(0) // each look opens the file anew, as another program would
	}
	w.t.Cleanup(func() { check(w.t, db.Close()) })
	return rowsOf{db, w.postgres != ""}
}

func (r rowsOf) text(query string) string {
	if !r.numbered {
		return query
	}
	var b strings.Builder
	n := 0
	for _, c := range query {
		if c == '?' {
			n++
			fmt.Fprintf(&b, "$%d", n)
			continue
		}
		b.WriteRune(c)
	}
	return b.String()
}

func (r rowsOf) queryRow(query string, args ...any) *sql.Row {
	return r.QueryRow(r.text(query), args...)
}

func (r rowsOf) query(query string, args ...any) (*sql.Rows, error) {
	return r.Query(r.text(query), args...)
}
