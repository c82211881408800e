// Package postgres keeps the ledger in PostgreSQL, for a fleet of machines that
// share it. It has the tables of package store, and answers the same questions in
// the same words; store/storetest holds both engines to that.
//
// What a mail goes through is written for many mails at once (batch.go): what
// comes in while a transaction is under way shares the next one. Each caller goes on
// when its own write is durable.
//
// The clock that counts is the database's (clock.go), since the machines' own may
// differ.
package postgres

import (
	"context"
	"errors"
	"fmt"
	"net"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"alta/pipeline"
	"alta/store"
)

// Store is an open ledger. It is safe for concurrent use.
type Store struct {
	pool    *pgxpool.Pool
	key     atomic.Pointer[store.Key]      // set by UseKey
	trouble atomic.Pointer[pipeline.Fault] // why the latest write failed; nil when it did not
	batches *batches
}

// Options say where the ledger is and how to reach it.
type Options struct {
	URL         pipeline.Secret // a connection string of libpq, which may hold a password
	Connections int             // the pool's size; 0 is [DefaultConnections]
	Name        string          // application_name, as pg_stat_activity shows it
	Existing    bool            // the ledger must be there; none is made
	Moving      bool            // a move into the ledger may be under way: it is opened to go on with it
}

// DefaultConnections is how many connections a machine has at most. The writes of
// many mails share a few; the rest is for reading and for River.
const DefaultConnections = 12

const (
	// connectWithin bounds the wait for a server that does not answer.
	connectWithin = 10 * time.Second
	// A server that is gone without a word, as behind a cut cable, is noticed after
	// about so long, whether this machine waits for it or has sent it something.
	silence = 15 * time.Second
)

// Open connects to the ledger and brings its schema up to date. A database that
// is something else, or was changed by a newer alta that this one can't work
// beside, is refused and left as it is.
func Open(ctx context.Context, o Options) (*Store, error) {
	pool, err := connect(ctx, o)
	if err != nil {
		return nil, fmt.Errorf("open the ledger: %w", err)
	}
	if o.Existing {
		if err := exists(ctx, pool); err != nil {
			pool.Close()
			return nil, err
		}
	}
	if err := migrate(ctx, pool); err != nil {
		pool.Close()
		return nil, fmt.Errorf("open the ledger at %s: %w", address(pool), explainOpen(err))
	}
	if !o.Moving {
		if err := checkMoving(ctx, pool); err != nil {
			pool.Close()
			return nil, fmt.Errorf("open the ledger at %s: %w", address(pool), explainOpen(err))
		}
	}
	s := &Store{pool: pool}
	s.batches = startBatches(s)
	return s, nil
}

func connect(ctx context.Context, o Options) (*pgxpool.Pool, error) {
	c, err := pgxpool.ParseConfig(o.URL.Reveal())
	if err != nil {
		// The text of the error can quote the connection string.
		return nil, errors.New("database.url is not a connection string of PostgreSQL, such as postgres://alta@db.example/alta?sslmode=verify-full")
	}
	c.MaxConns = int32(o.Connections)
	if o.Connections <= 0 {
		c.MaxConns = DefaultConnections
	}
	if c.ConnConfig.ConnectTimeout == 0 {
		c.ConnConfig.ConnectTimeout = connectWithin
	}
	dialer := &net.Dialer{
		KeepAliveConfig: net.KeepAliveConfig{Enable: true, Idle: silence, Interval: silence / 3, Count: 3}, Control: noticeSilence,
	}
	c.ConnConfig.DialFunc = dialer.DialContext
	c.AfterConnect = bounded
	if o.Name != "" {
		c.ConnConfig.RuntimeParams["application_name"] = o.Name
	}
	pool, err := pgxpool.NewWithConfig(ctx, c)
	if err != nil {
		return nil, err
	}
	if err := pool.Ping(ctx); err != nil {
		pool.Close()
		return nil, fmt.Errorf("reach %s: %w", address(pool), explainOpen(err))
	}
	return pool, nil
}

// bounded makes the server end a session whose machine stands still in the middle of
// a transaction, or is gone without a word: its locks would keep all the others
// waiting. It makes every commit durable, too, whatever the role or the database is
// set to: what was sent must not be forgotten. None of this is a parameter of the
// start, which a pooler in between may refuse.
func bounded(ctx context.Context, conn *pgx.Conn) error {
	_, err := conn.Exec(ctx, fmt.Sprintf(`SELECT set_config('idle_in_transaction_session_timeout', '%[1]d', false),
		set_config('tcp_keepalives_idle', '%[2]d', false), set_config('tcp_keepalives_interval', '%[3]d', false),
		set_config('tcp_keepalives_count', '3', false), set_config('tcp_user_timeout', '%[1]d', false),
		set_config('synchronous_commit', CASE current_setting('synchronous_commit') WHEN 'off' THEN 'on' ELSE current_setting('synchronous_commit') END, false)`,
		silence.Milliseconds(), int(silence.Seconds()), int(silence.Seconds())/3))
	return err
}

// Close waits for the writes under way and closes the connections.
func (s *Store) Close() error {
	s.batches.close()
	s.pool.Close()
	return nil
}

// Pool is the ledger's connections, for what shares its transactions.
func (s *Store) Pool() *pgxpool.Pool { return s.pool }

// Address names the server and the database, without user and password.
func (s *Store) Address() string { return address(s.pool) }

func address(pool *pgxpool.Pool) string {
	c := pool.Config().ConnConfig
	return fmt.Sprintf("%s/%s", net.JoinHostPort(c.Host, fmt.Sprint(c.Port)), c.Database)
}

// Trouble returns why the latest write could not be made, nil when it could.
func (s *Store) Trouble() error {
	if f := s.trouble.Load(); f != nil {
		return f
	}
	return nil
}
