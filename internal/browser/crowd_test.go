package browser

import (
	"cmp"
	"database/sql"
	"errors"
	"io"
	"net/http"
	"net/url"
	"os"
	"strings"
	"testing"
	"time"

	_ "github.com/mattn/go-sqlite3"
)

// crowdAtOnce are the users of one transaction: while it lasts the demo can't write.
const crowdAtOnce = 50_000

// crowdSize is how many users are among whom one is looked for.
func crowdSize() int {
	if cmp.Or(os.Getenv("ALTA_REQUIRE_REAL"), os.Getenv("ALTA_SOAK")) != "" {
		return 1_000_000
	}
	return 2_000
}

// crowd puts so many more users into the demo's ledger, straight into its tables, since
// an import of a million takes minutes. The triggers count them. Seven of eight are
// done in one way or another; the others have a first mail due in a month. Many share
// their names, and some have that of the sample user who is looked for, but for its end.
func (d *demo) crowd(users int) {
	d.t.Helper()
	// None of it has to outlive a power cut.
	db, err := sql.Open("sqlite3", "file:"+d.dir+"/alta.db?_journal_mode=WAL&_synchronous=OFF&_foreign_keys=on&_txlock=immediate&_busy_timeout=60000&_cache_size=-200000")
	if err != nil {
		d.t.Fatal(err)
	}
	defer db.Close()
	db.SetMaxOpenConns(1)
	now := time.Now()
	for from := 0; from < users; from += crowdAtOnce {
		if err := addToCrowd(db, from, min(from+crowdAtOnce, users), now); err != nil {
			d.t.Fatalf("make users from %d on: %v", from, err)
		}
	}
	d.t.Logf("%d users were made in %v", users, time.Since(now).Round(time.Millisecond))
}

func addToCrowd(db *sql.DB, from, to int, now time.Time) error {
	tx, err := db.Begin()
	if err != nil {
		return err
	}
	defer tx.Rollback() // which does nothing once it is committed
	if _, err := tx.Exec(`WITH RECURSIVE n (i) AS (SELECT ?1 UNION ALL SELECT i + 1 FROM n WHERE i + 1 < ?2),
		named (i, first, last) AS (SELECT i,
			CASE i % 5 WHEN 0 THEN 'María' WHEN 1 THEN 'Ana' WHEN 2 THEN 'José' WHEN 3 THEN 'Luis' ELSE 'Yokasta' END,
			CASE i % 7 WHEN 0 THEN 'García' WHEN 1 THEN 'Núñez' WHEN 2 THEN 'Peralta' WHEN 3 THEN 'Ortiz' WHEN 4 THEN 'Féliz' WHEN 5 THEN 'Pérez' ELSE 'Peguero' END FROM n)
		INSERT INTO users (id, external_id, email, name, country, locale, time_zone, type, status, created_at, updated_at)
		SELECT printf('crowd-%07d', i), printf('c-%07d', i), lower(substr(first, 1, 2)) || '.' || i || '@correo.example', first || ' ' || last,
			iif(i % 3 = 0, 'DO', 'MX'), iif(i % 3 = 0, 'es-DO', 'es-MX'), '', iif(i % 50 = 0, 'BUSINESS', 'INDIVIDUAL'),
			CASE i % 8 WHEN 0 THEN 'pending' WHEN 1 THEN 'in_review' WHEN 2 THEN 'rejected' WHEN 3 THEN 'opted_out' ELSE 'verified' END, ?3, ?3 FROM named`,
		from, to, now.UnixMilli()); err != nil {
		return err
	}
	if _, err := tx.Exec(`INSERT INTO deliveries (user_key, country, type, step, round, state, due_at, created_at, updated_at)
		SELECT key, country, type, 'invite', 1, 'due', ?3 + key % 1440 * 60000, ?4, ?4 FROM users
		WHERE id >= printf('crowd-%07d', ?1) AND id < printf('crowd-%07d', ?2) AND status = 'pending'`,
		from, to, now.AddDate(0, 1, 0).UnixMilli(), now.UnixMilli()); err != nil {
		return err
	}
	return tx.Commit()
}

// askings are how often something is asked for to see how long the server takes: the
// quickest answer is the one that other programs of the machine have hindered least.
const askings = 9

// wantQuick fails the test unless the operator's page answers within the limit.
func (d *demo) wantQuick(t *testing.T, limit time.Duration, path string, query url.Values) {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, d.page+path+"?"+query.Encode(), nil)
	if err != nil {
		t.Fatal(err)
	}
	d.showLogin(t, request)
	quickest := time.Duration(-1)
	for range askings {
		began := time.Now()
		response, err := http.DefaultTransport.RoundTrip(request)
		if err != nil {
			t.Fatal(err)
		}
		_, err = io.Copy(io.Discard, response.Body)
		took := time.Since(began)
		if err := errors.Join(err, response.Body.Close()); err != nil || response.StatusCode != http.StatusOK {
			t.Fatalf("/%s is answered %d, %v", path, response.StatusCode, err)
		}
		if quickest < 0 || took < quickest {
			quickest = took
		}
	}
	t.Logf("/%s?%s: the quickest of %d answers took %v", path, query.Encode(), askings, quickest)
	if quickest > limit*slack {
		t.Errorf("/%s?%s takes %v, and may take %v", path, query.Encode(), quickest, limit*slack)
	}
}

// showLogin signs in, and gives the request the cookie of the login.
func (d *demo) showLogin(t *testing.T, to *http.Request) {
	t.Helper()
	form := strings.NewReader(url.Values{"token": {d.tokens[operator]}}.Encode())
	request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, d.page+"login", form)
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	response, err := http.DefaultTransport.RoundTrip(request)
	if err != nil {
		t.Fatal(err)
	}
	if err := response.Body.Close(); err != nil || response.StatusCode != http.StatusSeeOther {
		t.Fatalf("signing in is answered %d, %v", response.StatusCode, err)
	}
	for _, cookie := range response.Cookies() {
		to.AddCookie(cookie)
	}
}
