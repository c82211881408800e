package pgcluster

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
)

// CreateDatabase creates a database as a copy of the template, to which nobody
// may be connected meanwhile. An empty template is the server's own.
func (c *Cluster) CreateDatabase(ctx context.Context, name, template string) error {
	statement := "CREATE DATABASE " + pgx.Identifier{name}.Sanitize()
	if template != "" {
		statement += " TEMPLATE " + pgx.Identifier{template}.Sanitize()
	}
	if err := c.execute(ctx, statement); err != nil {
		return fmt.Errorf("create the database %q: %w", name, err)
	}
	return nil
}

// DropDatabase drops a database, if there is one, and breaks off the connections
// to it.
func (c *Cluster) DropDatabase(ctx context.Context, name string) error {
	err := c.execute(ctx, "DROP DATABASE IF EXISTS "+pgx.Identifier{name}.Sanitize()+" WITH (FORCE)")
	if err != nil {
		return fmt.Errorf("drop the database %q: %w", name, err)
	}
	return nil
}

func (c *Cluster) execute(ctx context.Context, statement string) error {
	return c.administer(ctx, func(conn *pgx.Conn) error {
		_, err := conn.Exec(ctx, statement)
		return err
	})
}

// administer lends a connection to the database that every cluster has.
func (c *Cluster) administer(ctx context.Context, task func(*pgx.Conn) error) error {
	conn, err := pgx.Connect(ctx, c.URL("postgres"))
	if err != nil {
		return err
	}
	err = task(conn)
	// The server shall hear of the end even if the context has ended.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
	defer cancel()
	return errors.Join(err, conn.Close(ctx))
}
