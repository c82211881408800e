package main

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"alta/store"
)

// sqlCommand is "sql FILE STATEMENT": it runs the statement on an SQLite file,
// which it makes.
func sqlCommand(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: sql FILE STATEMENT")
	}
	db, err := sql.Open("sqlite3", ts.MkAbs(args[0]))
	ts.Check(err)
	_, err = db.Exec(args[1])
	ts.Check(errors.Join(err, db.Close()))
}

// ageCommand is "age LEDGER DURATION": it moves what happened, and what is
// planned, into the past, as if so much time had gone by.
func ageCommand(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: age LEDGER DURATION")
	}
	by, err := time.ParseDuration(args[1])
	ts.Check(err)
	db, err := sql.Open("sqlite3", ts.MkAbs(args[0]))
	ts.Check(err)
	for _, statement := range []string{
		`UPDATE users SET invited_at = invited_at - ?1, last_mail_at = last_mail_at - ?1, link_expires_at = link_expires_at - ?1`,
		`UPDATE links SET issued_at = issued_at - ?1, expires_at = expires_at - ?1`,
		`UPDATE link_expiry SET minute = minute - ?1 / 60000`, // alta changes no link's time, so that no trigger sees to it
		`UPDATE deliveries SET due_at = due_at - ?1, began_at = began_at - ?1`,
	} {
		_, execErr := db.Exec(statement, by.Milliseconds())
		err = errors.Join(err, execErr)
	}
	ts.Check(errors.Join(err, db.Close()))
}

// lockCommand is "lock FILE", which takes the right to run the pipeline on a
// ledger as another process, or "lock release".
func lockCommand(ts *testscript.TestScript, neg bool, args []string) {
	w := worldOf(ts)
	if neg || len(args) != 1 {
		ts.Fatalf("usage: lock FILE|release")
	}
	if args[0] == "release" {
		ts.Check(errors.Join(w.lock.Unlock(), w.ledger.Close()))
		w.lock, w.ledger = nil, nil
		return
	}
	var err error
	w.ledger, err = store.Open(context.Background(), ts.MkAbs(args[0]))
	ts.Check(err)
	w.lock, err = w.ledger.Lock()
	ts.Check(err)
}

// modeCommand is "mode FILE OCTAL": it wants the file to have these permissions.
func modeCommand(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: mode FILE OCTAL")
	}
	info, err := os.Stat(ts.MkAbs(args[0]))
	ts.Check(err)
	if got := fmt.Sprintf("%04o", info.Mode().Perm()); got != args[1] {
		ts.Fatalf("%s has mode %s, want %s", filepath.Base(args[0]), got, args[1])
	}
}
