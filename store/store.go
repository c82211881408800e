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
	"database/sql/driver"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"sync/atomic"

	"github.com/mattn/go-sqlite3"
)

// ErrNotFound says that the ledger has no such row.
var ErrNotFound = errors.New("not found")

// Store is an open ledger. It is safe for concurrent use.
type Store struct {
	path   string
	key    atomic.Pointer[Key] // set by UseKey
	writer *writer
	writes *sql.DB // one connection, owned by the writer
	reads  *sql.DB
}

const (
	readers = 4
	walMode = "_journal_mode=WAL&_synchronous=FULL"
)

// Open opens the ledger at path, makes it with mode 0600 when it does not
// exist, and brings its schema up to date. A file that is something else, is
// damaged, or was made by a newer alta is refused and left as it is.
func Open(ctx context.Context, path string) (*Store, error) {
	if err := createFile(path); err != nil {
		return nil, fmt.Errorf("open ledger %s: %w", path, err)
	}
	// One ledger has one name, whatever links lead to it: the lock stands beside
	// the file itself.
	path, err := filepath.EvalSymlinks(path)
	if err != nil {
		return nil, fmt.Errorf("open ledger: %w", err)
	}
	if err := checkLog(path); err != nil {
		return nil, fmt.Errorf("open ledger %s: %w", path, err)
	}
	// Nothing may change a file before migrate knows it for a ledger.
	if err := migrate(ctx, path); err != nil {
		return nil, fmt.Errorf("open ledger %s: %w", path, explainOpen(err))
	}
	s, err := open(ctx, path)
	if err != nil {
		return nil, fmt.Errorf("open ledger %s: %w", path, explainOpen(err))
	}
	return s, nil
}

func open(ctx context.Context, path string) (*Store, error) {
	if err := restrict(path); err != nil {
		return nil, err
	}
	// What is deleted is overwritten with zeros, so that an erased user is gone
	// from the file's free space too.
	writes := sql.OpenDB(connector(dsn(path, walMode+"&_txlock=immediate&_secure_delete=on&_stmt_cache_size=64&_cache_size=-16000")))
	writes.SetMaxOpenConns(1)
	if err := writes.PingContext(ctx); err != nil {
		return nil, errors.Join(err, writes.Close())
	}
	reads := sql.OpenDB(connector(dsn(path, walMode+"&_query_only=1")))
	reads.SetMaxOpenConns(readers)
	reads.SetMaxIdleConns(readers)
	return &Store{path: path, writes: writes, reads: reads, writer: startWriter(writes)}, nil
}

// connector opens connections to the ledger that its string names.
type connector string

// Connect implements [driver.Connector]. What a statement or a savepoint needs to
// put aside stays in memory. The default is a file in the system's temporary
// folder, which is slow and no place for personal data. A checkpoint copies the
// log back and waits for the disk twice while nobody can write, so it waits until
// the log has 16 MB, four times the default.
func (c connector) Connect(context.Context) (driver.Conn, error) {
	d := sqlite3.SQLiteDriver{ConnectHook: func(conn *sqlite3.SQLiteConn) error {
		_, err := conn.Exec(`PRAGMA temp_store = MEMORY; PRAGMA wal_autocheckpoint = 4000`, nil)
		return err
	}}
	return d.Open(string(c))
}

// Driver implements [driver.Connector].
func (connector) Driver() driver.Driver { return &sqlite3.SQLiteDriver{} }

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
	path = filepath.Clean(path)
	if !filepath.IsAbs(path) {
		path = "./" + path // a file named :memory: is a file
	}
	u := url.URL{Scheme: "file", Opaque: (&url.URL{Path: path}).EscapedPath()}
	// database/sql never uses a connection from two goroutines at once, so SQLite
	// needs no lock around each call.
	return u.String() + "?_mutex=no&_busy_timeout=30000&_foreign_keys=on&" + more
}

// createFile makes an empty file unless one exists. It never opens one that
// does: closing it would drop the locks that SQLite has on it in this process.
func createFile(path string) error {
	f, err := createPrivate(path)
	switch {
	case err == nil:
		return f.Close()
	case errors.Is(err, fs.ErrNotExist):
		return fmt.Errorf("the folder %s does not exist; make it, or set database.url to another place", filepath.Dir(path))
	case !errors.Is(err, fs.ErrExist):
		return err
	}
	info, err := os.Stat(path)
	if err != nil {
		return err
	}
	if info.IsDir() {
		return errors.New("it is a folder; database.url names a file")
	}
	return nil
}

// createPrivate makes a new file that its owner can use and nobody else,
// whatever the umask is.
func createPrivate(path string) (*os.File, error) {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return nil, err
	}
	if err := f.Chmod(0o600); err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return f, nil
}

// restrict makes sure that nobody else can read the ledger. SQLite gives a new
// -wal or -shm file the mode of the database; older ones may lie about.
func restrict(path string) error {
	for _, suffix := range []string{"", "-wal", "-shm"} {
		err := restrictFile(path + suffix)
		if err != nil && (suffix == "" || !errors.Is(err, fs.ErrNotExist)) {
			return err
		}
	}
	return nil
}

func restrictFile(path string) error {
	info, err := os.Stat(path)
	if err != nil || info.Mode().Perm()&0o077 == 0 {
		return err
	}
	return os.Chmod(path, 0o600)
}
