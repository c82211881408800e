package app

import (
	"bytes"
	"database/sql"
	"encoding/binary"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"alta/pipeline"
)

// diary is what the disk of testdata/dbfault/diary.c wrote down, read from its
// beginning on, and what a power cut would leave at the place that was read to.
type diary struct {
	t       testing.TB
	dir     string // for what is opened
	rest    []byte
	read    int64
	files   [2]leaf // the ledger and its log
	known   map[string]record
	version int
	syncs   int // of the log
}

// leaf is a file: what is on the disk for certain, and what was written since.
type leaf struct {
	safe   []byte
	unsure []entry
}

// entry is one change, or a sync.
type entry struct {
	what     byte
	file     int // an index of diary.files
	at       int64
	contents []byte
}

// record is what the ledger says of a user's invite.
type record struct {
	state    pipeline.State
	linked   bool // with a link that was not superseded
	mail     string
	digested bool
	receipt  string
	tried    bool // there is an attempt that says so
	next     bool // there is another mail to come
}

// readDiary opens the diary of the run, at its beginning.
func (w *onlooker) readDiary() *diary {
	w.t.Helper()
	ledger, err := os.ReadFile(w.path("before.db"))
	check(w.t, err)
	text, err := os.ReadFile(w.path("diary"))
	check(w.t, err)
	return &diary{t: w.t, dir: w.t.TempDir(), rest: text, files: [2]leaf{{safe: ledger}, {}}}
}

// syncs counts how often the log was synced in all.
func (w *onlooker) syncs() int {
	w.t.Helper()
	d := w.readDiary()
	d.turnTo(int64(len(d.rest)))
	return d.syncs
}

// turnTo reads on to where the diary had that size. It never turns back.
func (d *diary) turnTo(size int64) {
	d.t.Helper()
	for {
		e, length := d.entry()
		if length == 0 || d.read+length > size {
			return
		}
		d.rest, d.read = d.rest[length:], d.read+length
		d.apply(e)
	}
}

// entry decodes the next entry and says how long it is; 0 is the end.
func (d *diary) entry() (e entry, length int64) {
	d.t.Helper()
	if len(d.rest) == 0 {
		return entry{}, 0
	}
	var head [4]int64
	check(d.t, binary.Read(bytes.NewReader(d.rest), binary.NativeEndian, &head))
	start := int64(binary.Size(head))
	return entry{byte(head[0]), int(head[1]) - 1, head[2], d.rest[start : start+head[3]]}, start + head[3]
}

func (d *diary) apply(e entry) {
	d.t.Helper()
	f := &d.files[e.file]
	switch e.what {
	case 'w', 't':
		f.unsure = append(f.unsure, e)
		return
	case 's':
		d.syncs += e.file
		for _, change := range f.unsure {
			f.safe = change.on(f.safe)
		}
	case 'u':
		f.safe = nil
	default:
		d.t.Fatalf("the diary has an entry %q", e.what)
	}
	f.unsure, d.known = nil, nil
}

// on makes the change.
func (e entry) on(file []byte) []byte {
	end := e.at + int64(len(e.contents))
	if more := end - int64(len(file)); more > 0 {
		file = append(file, make([]byte, more)...)
	}
	if e.what == 't' {
		return file[:e.at]
	}
	copy(file[e.at:], e.contents)
	return file
}

// records opens what a power cut would leave, and returns what it says of each
// user, by id and by address.
func (d *diary) records() map[string]record {
	d.t.Helper()
	if d.known != nil {
		return d.known
	}
	d.version++
	path := filepath.Join(d.dir, fmt.Sprintf("%d.db", d.version))
	check(d.t, os.WriteFile(path, d.files[0].safe, 0o600))
	check(d.t, os.WriteFile(path+"-wal", d.files[1].safe, 0o600))
	db, err := sql.Open("sqlite3", "file:"+path+"?_synchronous=OFF")
	check(d.t, err)
	defer func() { check(d.t, db.Close()) }()
	rows, err := db.Query(`SELECT u.id, u.email, d.state, d.message_id, coalesce(length(d.digest), 0) = 32, d.receipt,
			EXISTS (SELECT 1 FROM links l WHERE l.id = d.link_id AND l.superseded_at IS NULL AND l.sealed IS NOT NULL),
			EXISTS (SELECT 1 FROM attempts a WHERE a.delivery_id = d.id AND a.outcome = 'sent' AND a.reply = d.receipt),
			EXISTS (SELECT 1 FROM deliveries n WHERE n.user_key = d.user_key AND n.state = 'due' AND n.id > d.id)
		FROM deliveries d JOIN users u ON u.key = d.user_key WHERE d.step = 'invite'`)
	check(d.t, err)
	defer rows.Close()
	d.known = map[string]record{}
	for rows.Next() {
		var id, address string
		var r record
		check(d.t, rows.Scan(&id, &address, &r.state, &r.mail, &r.digested, &r.receipt, &r.linked, &r.tried, &r.next))
		d.known[id], d.known[address] = r, r
	}
	check(d.t, rows.Err())
	return d.known
}
