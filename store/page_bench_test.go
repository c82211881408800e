package store

import (
	"database/sql"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"alta/pipeline"
)

// BenchmarkPage is what the operator's page asks of a ledger of a million users, a
// third of whom were mailed: the goals are 150 ms for the overview and 100 ms for a
// page of a search. ALTA_GIANT names a file to keep the ledger in from one time to
// the next; without it the ledger is made anew, which takes a minute or two.
func BenchmarkPage(b *testing.B) {
	if testing.Short() {
		b.Skip("a million users")
	}
	path := os.Getenv("ALTA_GIANT")
	if path == "" {
		path = filepath.Join(b.TempDir(), "giant.db")
	}
	s := openAt(b, path)
	makeGiant(b, s, 1_000_000)
	failure := Cause{pipeline.Failed, "smtp.5.1.1", pipeline.MX}
	ask := func(name string, do func() (int, error)) {
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				if n, err := do(); err != nil || n == 0 {
					b.Fatalf("%d: %v", n, err)
				}
			}
			b.ReportMetric(float64(b.Elapsed().Microseconds())/1000/float64(b.N), "ms")
		})
	}
	ask("overview", func() (int, error) { o, err := s.Overview(b.Context(), noon); return len(o.Mails), err })
	ask("attention", func() (int, error) { g, err := s.Attention(b.Context()); return len(g), err })
	ask("attention/page", func() (int, error) { p, err := s.AttentionPage(b.Context(), failure, 500_000, 50); return len(p), err })
	ask("forecast", func() (int, error) {
		h, err := s.Forecast(b.Context(), noon, noon.AddDate(0, 0, 1))
		return len(h), err
	})
	ask("timeline", func() (int, error) { m, err := s.Timeline(b.Context(), "capa-0300000"); return len(m), err })
	for name, q := range map[string]Search{
		"all": {}, "last": {After: Place{Key: 999_000}.String()}, "country": {Country: pipeline.DO},
		"status": {Status: pipeline.Verified}, "nobody": {Status: pipeline.Verified, Country: pipeline.DO, Type: pipeline.Business, Locale: "es-DO"},
		"waiting": {Stage: StageWaiting}, "mailed": {Stage: StageMailed, Country: pipeline.MX}, "opened": {Stage: StageOpened}, "bad_email": {Stage: StageBadEmail, Country: pipeline.DO},
		"text/e-mail": {Text: "ana.garcia.9"}, "text/name": {Text: "María Gar"}, "text/id": {Text: "capa-0999"}, "text/external": {Text: "x-77"},
		"text/letter": {Text: "m"}, "text/filters": {Text: "m", Status: pipeline.Verified, Country: pipeline.DO, Type: pipeline.Business},
		"text/stage": {Text: "ana", Stage: StageOpened}, "text/deep": {Text: "maria", After: Place{ByName, "maria garcia", 900_000}.String()},
	} {
		b.Run("search/"+name, func(b *testing.B) {
			var worst time.Duration
			for b.Loop() {
				began := time.Now()
				if _, _, err := s.Search(b.Context(), q); err != nil {
					b.Fatal(err)
				}
				worst = max(worst, time.Since(began))
			}
			b.ReportMetric(float64(b.Elapsed().Microseconds())/1000/float64(b.N), "ms")
			b.ReportMetric(float64(worst.Microseconds())/1000, "worst-ms")
		})
	}
}

// makeGiant fills the ledger, unless it is full: users with names that many share,
// of whom some have got mails, opened their link, became verified, or met a failure.
// The triggers count.
func makeGiant(b *testing.B, s *Store, users int) {
	if count(b, s, `SELECT count(*) FROM users`) == users {
		return
	}
	err := s.write(b.Context(), func(tx *sql.Tx) error {
		for _, statement := range []string{
			`WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ?1)
			INSERT INTO users (id, external_id, email, name, country, locale, time_zone, type, status, created_at, updated_at)
			SELECT printf('capa-%07d', i), printf('x-%d', i * 7919 % 1000003),
				lower(CASE i % 4 WHEN 0 THEN 'Maria' WHEN 1 THEN 'Ana' WHEN 2 THEN 'Jose' ELSE 'Zoe' END) || '.garcia.' || i * 7919 % 1000003 || '@correo.example',
				CASE i % 4 WHEN 0 THEN 'María' WHEN 1 THEN 'Ana' WHEN 2 THEN 'José' ELSE 'Zoé' END || CASE i % 3 WHEN 0 THEN ' García' WHEN 1 THEN ' Núñez' ELSE ' López ' || i END,
				iif(i % 3 = 0, 'DO', 'MX'), iif(i % 3 = 0, 'es-DO', 'es-MX'), '', iif(i % 50 = 0, 'BUSINESS', 'INDIVIDUAL'), 'pending', ?2, ?2 FROM n`,
			`INSERT INTO deliveries (user_key, country, type, step, round, state, due_at, created_at, updated_at)
				SELECT key, country, type, 'invite', 1, 'due', ?2 + key * 600, ?2, ?2 FROM users WHERE ?1 > 0`,
			`UPDATE deliveries SET state = iif(id % 30 = 1, 'failed', 'sent'), code = iif(id % 30 = 1, 'smtp.5.1.1', ''), ended_at = ?2 - id * 2000, attempts = 1 WHERE id % 3 = 1 AND id <= ?1`,
			`INSERT INTO attempts (delivery_id, at, outcome, code, reason, reply, message_id, doubtful)
				SELECT id, ended_at, state, code, '', '', '', 0 FROM deliveries WHERE ended_at IS NOT NULL AND ?1 > ?2 * 0`,
			`UPDATE users SET folded = lower(replace(replace(replace(replace(replace(name, 'í', 'i'), 'é', 'e'), 'ú', 'u'), 'ñ', 'n'), 'ó', 'o')) WHERE ?1 > 0 AND ?2 > 0`,
			`UPDATE users SET mails = 1, invited_at = ?2, last_mail_at = ?2 WHERE key % 3 = 1 AND key % 30 <> 1 AND key <= ?1`,
			`UPDATE users SET address_bad = 1 WHERE key % 30 = 1 AND key <= ?1 AND ?2 > 0`,
			`UPDATE users SET opened_at = ?2 WHERE key % 9 = 1 AND mails > 0 AND key <= ?1`,
			`UPDATE users SET status = 'verified', verified_at = ?2 + key * 3600 WHERE key % 45 = 1 AND mails > 0 AND key <= ?1`,
		} {
			if _, err := tx.Exec(statement, users, noon.UnixMilli()); err != nil {
				return fmt.Errorf("%s: %w", statement, err)
			}
		}
		return nil
	})
	if err != nil {
		b.Fatal(err)
	}
}
