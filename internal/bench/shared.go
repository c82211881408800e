package main

import (
	"context"
	"encoding/base64"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"alta/internal/pgcluster"
)

// shared is the PostgreSQL server of all measurements that need one, with a
// database for each. It starts when the first of them does.
type shared struct {
	*pgcluster.Cluster
	made map[string]string // the databases to copy: their names, by the ledger's
	next int               // number of the next copy
}

// sharedSettings are the server's. It waits for the disk as in production; what it
// has differs from its defaults only where those are meant for very small machines,
// so that it writes no checkpoint in the midst of a run.
func sharedSettings() map[string]string {
	return map[string]string{
		"synchronous_commit": "on",
		"shared_buffers":     "512MB",
		"max_wal_size":       "8GB",
		"checkpoint_timeout": "1h",
	}
}

// sharedTitle is the server in the table of the machine.
func (b *bench) sharedTitle() string {
	if b.shared == nil {
		return ""
	}
	return fmt.Sprintf("%s, on the same cores, a commit waits for the disk; shared_buffers %s, no checkpoint during a run",
		b.shared.version, sharedSettings()["shared_buffers"])
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
	b.shared = &shared{Cluster: cluster, made: map[string]string{}}
	return b.shared, nil
}

// onDatabase lends a connection to a database of the server.
func onDatabase(ctx context.Context, url string, do func(*pgx.Conn) error) (err error) {
	conn, err := pgx.Connect(ctx, url)
	if err != nil {
		return err
	}
	err = do(conn)
	// The server shall hear of the end even if the context has ended.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), endPatience)
	defer cancel()
	if closing := conn.Close(ctx); err == nil {
		err = closing
	}
	return err
}

// execute runs statements one after the other.
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

// dataKey seals the links of these ledgers, which hold nothing but invented ones.
func dataKey() string {
	return base64.StdEncoding.EncodeToString([]byte("thirty-two bytes for a benchmark"))
}
