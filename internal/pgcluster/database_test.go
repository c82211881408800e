package pgcluster_test

import (
	"context"
	"testing"

	"github.com/jackc/pgx/v5"

	"alta/internal/pgcluster/pgtest"
)

func TestDatabaseFromATemplate(t *testing.T) {
	c := pgtest.Shared(t)
	const template, name = `a "template"`, `50% of/what?`
	if err := c.CreateDatabase(t.Context(), template, ""); err != nil {
		t.Fatal(err)
	}
	execute(t, c.URL(template), "CREATE TABLE kept (x text)", "INSERT INTO kept VALUES ('yes')")
	if err := c.CreateDatabase(t.Context(), name, template); err != nil {
		t.Fatal(err)
	}
	checkValue(t, c.URL(name), "SELECT x FROM kept", "yes")
	if err := c.CreateDatabase(t.Context(), name, ""); err == nil {
		t.Error("it was created twice")
	}
	for _, n := range []string{name, template, "never was"} {
		if err := c.DropDatabase(t.Context(), n); err != nil {
			t.Error(err)
		}
	}
	checkValue(t, c.URL("postgres"), "SELECT count(*)::text FROM pg_database WHERE datname IN ('a \"template\"', '50% of/what?')", "0")
}

func TestNewDatabase(t *testing.T) {
	c := pgtest.Shared(t)
	var first string
	var conn *pgx.Conn
	t.Run("used", func(t *testing.T) {
		first = pgtest.NewDatabase(t, c)
		if second := pgtest.NewDatabase(t, c); second == first {
			t.Errorf("two databases are at %s", first)
		}
		var err error
		if conn, err = pgx.Connect(t.Context(), first); err != nil {
			t.Fatal(err)
		}
	})
	defer conn.Close(context.Background())
	if err := conn.Ping(t.Context()); err == nil {
		t.Error("a connection outlived its database")
	}
	if again, err := pgx.Connect(t.Context(), first); err == nil {
		t.Error("the database outlived its test", again.Close(t.Context()))
	}
}
