// Package store keeps the ledger in one SQLite file: users, deliveries,
// attempts, links, runs, pauses and the audit log. It answers who is due and
// what happened; it holds no policy.
//
// One connection writes, several read. Writes that arrive together share one
// commit (commit.go), and each commit is on the disk before its callers go on:
// the file is in WAL mode with synchronous=FULL.
package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"

	_ "github.com/mattn/go-sqlite3" // the database/sql driver "sqlite3"
)

// ErrNotFound says that the ledger has no such row.
var ErrNotFound = errors.New("not found")

// Store is an open ledger. It is safe for concurrent use.
type Store struct {
	path   string
	writer *writer
	writes *sql.DB // one connection, owned by the writer
	reads  *sql.DB
}

const readers = 4

// Open opens the ledger at path, makes it with mode 0600 when it does not
// exist, and brings its schema up to date. A file that is something else, is
// damaged, or was made by a newer alta is refused and left as it is.
func Open(ctx context.Context, path string) (*Store, error) {
	if err := createFile(path); err != nil {
		return nil, fmt.Errorf("open ledger %s: %w", path, err)
	}
	s, err := open(ctx, path)
	if err != nil {
		return nil, fmt.Errorf("open ledger %s: %w", path, explainOpen(err))
	}
	return s, nil
}

func open(ctx context.Context, path string) (_ *Store, err error) {
	writes, err := sql.Open("sqlite3", dsn(path, "_txlock=immediate&_stmt_cache_size=64"))
	if err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			_ = writes.Close()
		}
	}()
	writes.SetMaxOpenConns(1)
	if err := migrate(ctx, writes); err != nil {
		return nil, err
	}
	if _, err := writes.ExecContext(ctx, `PRAGMA temp_store = MEMORY`); err != nil {
		return nil, err
	}
	reads, err := sql.Open("sqlite3", dsn(path, "_query_only=1"))
	if err != nil {
		return nil, err
	}
	reads.SetMaxOpenConns(readers)
	reads.SetMaxIdleConns(readers)
	return &Store{path: path, writes: writes, reads: reads, writer: startWriter(writes)}, nil
}

// Close waits for the writes under way and closes the file.
func (s *Store) Close() error {
	s.writer.close()
	return errors.Join(s.reads.Close(), s.writes.Close())
}

// Path returns the file that holds the ledger.
func (s *Store) Path() string { return s.path }

// dsn builds the connection string; the path is escaped, so that it may hold
// any character.
func dsn(path, more string) string {
	u := url.URL{Scheme: "file", Opaque: (&url.URL{Path: path}).EscapedPath()}
	return u.String() + "?_journal_mode=WAL&_synchronous=FULL&_busy_timeout=10000&_foreign_keys=on&" + more
}

// createFile makes sure that the file exists and that nobody else can read it.
// SQLite gives its -wal and -shm files the mode of the database.
func createFile(path string) error {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("the folder %s does not exist; make it, or set database.url to another place", filepath.Dir(path))
	}
	if err != nil {
		return err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return err
	}
	if info.IsDir() {
		return errors.New("it is a folder; database.url names a file")
	}
	if info.Mode().Perm()&0o077 != 0 {
		return f.Chmod(0o600)
	}
	return nil
}
