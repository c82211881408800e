package main

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5"

	"alta/internal/pgcluster"
)

// shared is the PostgreSQL server of all measurements that need one. It has a
// database for each ledger.
type shared struct {
	*pgcluster.Cluster
	postmaster postmaster
	version    string
	made       map[string]string // the URLs of the ledgers that are made
	copies     int               // how many there were so far
}

// sharedSettings are the server's. It waits for the disk as in production; the
// rest is meant for a machine that is not tiny, and keeps checkpoints out of the
// measurements.
func sharedSettings() map[string]string {
	return map[string]string{
		"synchronous_commit": "on",
		"shared_buffers":     "512MB",
		"max_wal_size":       "8GB",
		"checkpoint_timeout": "1h",
	}
}

// title is the server in the table of the machine.
func (s *shared) title() string {
	if s == nil {
		return ""
	}
	return fmt.Sprintf("%s, on the same cores and disk; fsync and synchronous_commit on, shared_buffers %s, no checkpoint within a measurement",
		s.version, sharedSettings()["shared_buffers"])
}

// sharedServer starts the server at the first call.
func (b *bench) sharedServer(ctx context.Context) (*shared, error) {
	if b.shared != nil {
		return b.shared, nil
	}
	cluster, err := pgcluster.Start(ctx, pgcluster.Options{Durable: true, Settings: sharedSettings()})
	if err != nil {
		return nil, err
	}
	s := &shared{Cluster: cluster, made: map[string]string{}}
	var backend int
	err = onDatabase(ctx, s.URL("postgres"), func(conn *pgx.Conn) error {
		return conn.QueryRow(ctx, `SELECT pg_backend_pid(), current_setting('server_version')`).Scan(&backend, &s.version)
	})
	if err == nil {
		s.postmaster, err = postmasterOf(backend)
	}
	if err != nil {
		return nil, errors.Join(err, s.Stop())
	}
	b.shared = s
	return s, nil
}

// onDatabase lends a connection to a database of the server.
func onDatabase(ctx context.Context, url string, do func(*pgx.Conn) error) error {
	conn, err := pgx.Connect(ctx, url)
	if err != nil {
		return err
	}
	err = do(conn)
	// The server shall hear of the end even if the context has ended.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), endPatience)
	defer cancel()
	return errors.Join(err, conn.Close(ctx))
}

// execute makes statements, each in a transaction of its own.
func execute(ctx context.Context, url string, statements ...string) error {
	return onDatabase(ctx, url, func(conn *pgx.Conn) error {
		for _, s := range statements {
			if _, err := conn.Exec(ctx, s); err != nil {
				return fmt.Errorf("%.60s: %w", s, err)
			}
		}
		return nil
	})
}

// dataKey seals the links of the ledgers on PostgreSQL, which nobody ever follows.
func dataKey() string {
	return base64.StdEncoding.EncodeToString([]byte("thirty-two bytes for a benchmark"))
}
