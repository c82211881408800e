package app

import (
	"bytes"
	"encoding/json"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"alta/internal/pgcluster/pgtest"
	"alta/store"
)

// The first mail, cut off on its way, goes out again from PostgreSQL, octet by
// octet; those that were put off go out once. The file sends nothing any more, and
// takes nothing in.
func TestAMailInDoubtIsRepeatedWordForWordAfterTheMove(t *testing.T) {
	t.Parallel()
	url := newLedgerDatabase(t, pgtest.Shared(t))
	w := newWorld(t, time.Now)
	people := sixty()[:3]
	w.write("users.csv", csvOf(people))
	w.exec(0, "users", "import", w.path("users.csv"))
	leaveTroubles(w, people)
	status, printed := w.with(nil, "move", "--to", url)
	if status != exitUsage || !strings.Contains(printed, ": 3 users, 3 deliveries, 3 attempts, 2 links, 1 runs and 0 lines of the audit log; ") {
		t.Errorf("exit status %d:\n%s", status, printed)
	}
	printed = w.alta(0, "move", "--to", url, "--yes")
	for _, want := range []string{"Moved " + w.path("alta.db") + " to 127.0.0.1:", ": 3 users, 3 deliveries, 3 attempts, 2 links, 1 runs and 0 lines", "the data key from the key file " + w.path("alta.db.key")} {
		if !strings.Contains(printed, want) {
			t.Errorf("no %q in\n%s", want, printed)
		}
	}
	for _, command := range [][]string{
		{"run"}, {"users", "add", "--id", "new", "--email", "new@correo.example", "--name", "New", "--country", "MX"},
		{"users", "mark", people[0].id, "verified"}, {"users", "erase", people[0].id}, {"rekey", "--yes"},
		{"resend", "--user", people[0].id, "--reason", "again"},
	} {
		status, printed := w.with(nil, command...)
		if status == 0 || !strings.Contains(printed, "this ledger was moved to 127.0.0.1:") {
			t.Errorf("%q: exit status %d:\n%s", command, status, printed)
		}
	}
	for _, command := range [][]string{{"status"}, {"explain", people[0].id}, {"users", "list"}, {"backup", w.path("copy.db")}} {
		w.alta(0, command...)
	}
	var answer moved
	check(t, json.Unmarshal([]byte(w.alta(0, "move", "--to", url, "--yes", "--json")), &answer))
	if len(answer.Tables) != len(store.Tables()) || answer.Tables[1].Rows != 3 || len(answer.Tables[1].SHA256) != 64 || answer.MovedAt.IsZero() {
		t.Errorf("the answer is %+v", answer)
	}

	w.configure(`database.url = `+strconv.Quote(url), `database.key_file = "alta.db.key"`)
	w.exec(0, "run")
	mails := w.mailsTo(people[0].email)
	if len(mails) != 2 || !bytes.Equal(mails[0].Raw, mails[1].Raw) {
		t.Errorf("%d mails to the first, want two that are the same", len(mails))
	}
	for _, p := range people[1:] {
		if n := len(w.mailsTo(p.email)); n != 1 {
			t.Errorf("%d mails to %s, want one", n, p.email)
		}
	}
	w.exec(0, "run")
	if n := len(w.smtp.Mails()); n != 4 {
		t.Errorf("%d mails, want 4", n)
	}
}

// The program itself, killed at each of its steps and at each commit of the file.
func TestTheProgramIsKilledWhileItMoves(t *testing.T) {
	t.Parallel()
	start := func(t *testing.T) (w *world, url string) {
		w = newWorld(t, time.Now)
		w.write("users.csv", csvOf(sixty()[:3]))
		w.exec(0, "users", "import", w.path("users.csv"))
		return w, newLedgerDatabase(t, pgtest.Shared(t))
	}
	w, url := start(t)
	move := w.commandOf(t.Context(), mortalProgram(t), "move", "--to", url, "--yes")
	move.Env = append(move.Env, "ALTA_CRASH_LIST="+w.path("points"))
	if out, err := move.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	list, err := os.ReadFile(w.path("points"))
	check(t, err)
	points := strings.Split(strings.TrimSpace(string(list)), "\n")
	if len(points) < 20 {
		t.Fatalf("the points are %q", points)
	}
	for _, point := range points {
		t.Run(point, func(t *testing.T) {
			t.Parallel()
			w, url := start(t)
			move := w.commandOf(t.Context(), mortalProgram(t), "move", "--to", url, "--yes")
			move.Env = append(move.Env, "ALTA_CRASH_AT="+point)
			if out, err := move.CombinedOutput(); err == nil || move.ProcessState.ExitCode() != -1 {
				t.Fatalf("it did not end at the point: %v\n%s", err, out)
			}
			var moving bool
			conn, err := pgx.Connect(t.Context(), url)
			check(t, err)
			check(t, conn.QueryRow(t.Context(), `SELECT moving <> '' OR NOT EXISTS (SELECT 1 FROM users) FROM ledger`).Scan(&moving))
			check(t, conn.Close(t.Context()))
			if marked := w.number(`SELECT count(*) FROM moved WHERE at IS NOT NULL`); !moving && marked == 0 {
				t.Error("both may send")
			}
			w.exec(0, "move", "--to", url, "--yes")
			w.configure(`database.url = `+strconv.Quote(url), `database.key_file = "alta.db.key"`)
			w.exec(0, "run")
			if n := len(w.smtp.Mails()); n != 3 {
				t.Errorf("%d mails, want 3", n)
			}
		})
	}
}

func TestTheCommandLineOfAMove(t *testing.T) {
	t.Parallel()
	w := newWorld(t, time.Now)
	w.addAna()
	const target = "postgres://alta@db.example/alta?sslmode=verify-full"
	for _, test := range []struct {
		name   string
		args   []string
		status int
		says   string
	}{
		{"It needs a target.", nil, exitUsage, "--to is missing"},
		{"A file is no target.", []string{"--to", "other.db"}, exitUsage, `--to: found "other.db", expected a connection string`},
		{"A password does not belong on a command line.", []string{"--to", "postgres://alta:canary@db.example/alta?sslmode=require"}, exitUsage, "--to: found a password"},
		{"It wants the network to be safe.", []string{"--to", "postgres://alta@db.example/alta"}, exitUsage, "--to: found no sslmode"},
		{"Without --yes it says what it would do.", []string{"--to", target}, exitUsage, "over to " + target + ": 1 users, 1 deliveries, 0 attempts, 0 links, 0 runs and 0 lines of the audit log"},
		{"A server that does not answer.", []string{"--to", "postgres://alta@127.0.0.1:1/alta?sslmode=disable", "--yes"}, exitOutage, "reach 127.0.0.1:1/alta"},
	} {
		t.Run(test.name, func(t *testing.T) {
			status, printed := w.with(nil, append([]string{"move"}, test.args...)...)
			if status != test.status || !strings.Contains(printed, test.says) || strings.Contains(printed, "canary") {
				t.Errorf("exit status %d, want %d and %q in\n%s", status, test.status, test.says, printed)
			}
		})
	}
	t.Run("The daemon must be stopped first.", func(t *testing.T) {
		lock, err := openFile(t, w.path("alta.db")).Lock()
		check(t, err)
		status, printed := w.with(nil, "move", "--to", target, "--yes")
		check(t, lock.Unlock())
		if status != exitOutage || !strings.Contains(printed, "; stop the daemon first, and whatever stands by: nothing may be sent while the ledger moves") {
			t.Errorf("exit status %d:\n%s", status, printed)
		}
	})
	t.Run("A ledger on PostgreSQL moves nowhere.", func(t *testing.T) {
		w.configure(`database.url = "` + target + `"`)
		status, printed := w.with(nil, "move", "--to", target, "--yes")
		if status != exitUsage || !strings.Contains(printed, "is on PostgreSQL already") {
			t.Errorf("exit status %d:\n%s", status, printed)
		}
	})
}
