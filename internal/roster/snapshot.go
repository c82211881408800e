package roster

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/url"
	"os"
	"path/filepath"
	"time"
)

// snapshot is the way to read a foreign SQLite file without leaving a trace.
//
// The trouble is a database in WAL mode that nobody has open. To read it,
// SQLite would create its -wal and -shm files, under our user, and a read-only
// connection can't remove them again; the owner might then fail to write. Such
// a file is opened as immutable instead, which takes no locks and creates
// nothing, and is watched: a row counts only if the file has not changed until
// after it was read. In WAL mode a writer first fills the -wal file, so only a
// checkpoint, which is rare, ends the reading.
//
// See https://www.sqlite.org/wal.html, "Read-Only Databases", and
// https://www.sqlite.org/uri.html.
type snapshot struct {
	path   string
	params url.Values
	watch  bool
	size   int64
	mtime  time.Time
}

// findSnapshot decides how to open the file. It never creates it.
//
// The file must not be open elsewhere in this process, as reading its header
// would drop the locks of that connection (POSIX advisory locks,
// https://www.sqlite.org/howtocorrupt.html, section 2.2).
func findSnapshot(path string) (snapshot, error) {
	// SQLite keeps -wal and -shm beside the file itself, not beside a link.
	path, err := filepath.EvalSymlinks(path)
	if err != nil {
		return snapshot{}, err
	}
	if path, err = filepath.Abs(path); err != nil {
		return snapshot{}, err
	}
	info, err := os.Stat(path)
	if err != nil {
		return snapshot{}, err
	}
	if !info.Mode().IsRegular() {
		return snapshot{}, errors.New("it is not a regular file")
	}
	s := snapshot{
		path:   path,
		params: url.Values{"mode": {"ro"}, "_query_only": {"1"}, "_busy_timeout": {"5000"}},
		size:   info.Size(),
		mtime:  info.ModTime(),
	}
	wal, shm := sizeOf(path+"-wal"), sizeOf(path+"-shm")
	switch {
	case wal >= 0 && shm >= 0:
		// In use, or left behind by a crash: join with the existing files.
		s.params.Set("readonly_shm", "1")
	case wal > 0:
		// A copy of a database with its log. SQLite has to rebuild -shm to read
		// what the log holds, and nobody else is there to be disturbed by it.
	default:
		inWAL, err := readHeader(path)
		if err != nil {
			return snapshot{}, err
		}
		if inWAL {
			s.params.Set("immutable", "1")
			s.watch = true
		}
	}
	return s, nil
}

// dsn names the file as a URI, where "?", "#" and "%" in a path are escaped.
func (s snapshot) dsn() string {
	u := url.URL{Scheme: "file", OmitHost: true, Path: s.path, RawQuery: s.params.Encode()}
	return u.String()
}

// check fails when what has been read so far may not be consistent.
func (s snapshot) check() error {
	if !s.watch {
		return nil
	}
	info, err := os.Stat(s.path)
	if err != nil {
		return err
	}
	if info.Size() != s.size || !info.ModTime().Equal(s.mtime) {
		return errors.New("the database changed while it was read: try again")
	}
	return nil
}

// readHeader tells whether the database is in WAL mode: bytes 18 and 19 of
// https://www.sqlite.org/fileformat.html, "The Database Header".
func readHeader(path string) (inWAL bool, err error) {
	f, err := os.Open(path)
	if err != nil {
		return false, err
	}
	defer f.Close()
	var head [20]byte
	if _, err := io.ReadFull(f, head[:]); err != nil && err != io.EOF && err != io.ErrUnexpectedEOF {
		return false, fmt.Errorf("read header: %w", err)
	}
	if !bytes.HasPrefix(head[:], []byte("SQLite format 3\x00")) {
		return false, errNotSQLite
	}
	return head[19] == 2, nil
}

var errNotSQLite = errors.New("it is not a SQLite database")

// sizeOf returns -1 when there is no such file.
func sizeOf(path string) int64 {
	info, err := os.Stat(path)
	if err != nil {
		return -1
	}
	return info.Size()
}
