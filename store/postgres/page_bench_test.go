package postgres

import (
	"testing"
	"time"

	"alta/internal/pgcluster"
	"alta/internal/pgcluster/pgtest"
	"alta/pipeline"
	"alta/store"
)

// BenchmarkPage is what the operator's page asks of a ledger of a million users, a
// third of whom were mailed: the goals are 150 ms for the overview and 100 ms for a
// page of a search. The server makes the users up itself, which takes a minute or two.
func BenchmarkPage(b *testing.B) {
	if testing.Short() {
		b.Skip("a million users")
	}
	s := openAt(b, pgtest.NewDatabase(b, pgtest.Start(b, pgcluster.Options{})))
	makeGiant(b, s, 1_000_000)
	failure := store.Cause{State: pipeline.Failed, Code: "smtp.5.1.1", Country: pipeline.MX}
	ask := func(name string, do func() error) {
		b.Run(name, func(b *testing.B) {
			var worst time.Duration
			for b.Loop() {
				began := time.Now()
				if err := do(); err != nil {
					b.Fatal(err)
				}
				worst = max(worst, time.Since(began))
			}
			b.ReportMetric(float64(b.Elapsed().Microseconds())/1000/float64(b.N), "ms")
			b.ReportMetric(float64(worst.Microseconds())/1000, "worst-ms")
		})
	}
	ask("overview", func() error { _, err := s.Overview(b.Context(), noon); return err })
	ask("attention", func() error { _, err := s.Attention(b.Context()); return err })
	ask("attention/page", func() error { _, err := s.AttentionPage(b.Context(), failure, 500_000, 50); return err })
	ask("forecast", func() error { _, err := s.Forecast(b.Context(), noon, noon.AddDate(0, 0, 1)); return err })
	ask("timeline", func() error { _, err := s.Timeline(b.Context(), "capa-0300000"); return err })
	for name, q := range map[string]store.Search{
		"all": {}, "country": {Country: pipeline.DO}, "status": {Status: pipeline.Verified}, "rare": {Locale: "xx"},
		"opened": {Stage: store.StageOpened}, "bad_email": {Stage: store.StageBadEmail, Country: pipeline.DO},
		"text/e-mail": {Text: "ana.garcia.9"}, "text/name": {Text: "María Gar"}, "text/id": {Text: "capa-0999"}, "text/external": {Text: "x-77"},
		"text/letter": {Text: "m"}, "text/filters": {Text: "m", Status: pipeline.Verified, Country: pipeline.DO, Type: pipeline.Business},
		"text/rare": {Text: "ana", Locale: "xx"}, "text/deep": {Text: "maria", After: store.Place{Order: store.ByName, Value: "maria garcia", Key: 900_000}.String()},
	} {
		ask("search/"+name, func() error { _, _, err := s.Search(b.Context(), q); return err })
	}
}

// makeGiant fills the ledger with users whose names many share, of whom some have got
// mails, opened their link, became verified, or met a failure. The triggers count.
func makeGiant(b *testing.B, s *Store, users int) {
	for _, statement := range []string{
		`INSERT INTO users (id, external_id, email, name, country, locale, time_zone, type, status, created_at, updated_at)
			SELECT 'capa-' || lpad(i::text, 7, '0'), 'x-' || i * 7919 % 1000003,
				lower((ARRAY['Maria', 'Ana', 'Jose', 'Zoe'])[i % 4 + 1]) || '.garcia.' || i * 7919 % 1000003 || '@correo.example',
				(ARRAY['María', 'Ana', 'José', 'Zoé'])[i % 4 + 1] || CASE i % 3 WHEN 0 THEN ' García' WHEN 1 THEN ' Núñez' ELSE ' López ' || i END,
				CASE i % 3 WHEN 0 THEN 'DO' ELSE 'MX' END, CASE i % 3 WHEN 0 THEN 'es-DO' ELSE 'es-MX' END, '',
				CASE i % 50 WHEN 0 THEN 'BUSINESS' ELSE 'INDIVIDUAL' END, 'pending', $2, $2 FROM generate_series(1, $1::bigint) AS i`,
		`INSERT INTO deliveries (user_key, country, type, step, round, state, due_at, created_at, updated_at)
			SELECT key, country, type, 'invite', 1, 'due', $2::bigint + key * 600, $2, $2 FROM users WHERE key <= $1`,
		`UPDATE deliveries SET state = CASE id % 30 WHEN 1 THEN 'failed' ELSE 'sent' END, code = CASE id % 30 WHEN 1 THEN 'smtp.5.1.1' ELSE '' END,
			ended_at = $2::bigint - id * 2000, attempts = 1 WHERE id % 3 = 1 AND id <= $1`,
		`INSERT INTO attempts (delivery_id, at, outcome, code, reason, reply, message_id, doubtful)
			SELECT id, ended_at, state, code, '', '', '', false FROM deliveries WHERE ended_at IS NOT NULL AND id <= $1 AND $2::bigint > 0`,
		`UPDATE users SET mails = CASE key % 30 WHEN 1 THEN 0 ELSE 1 END, address_bad = key % 30 = 1,
			invited_at = CASE key % 30 WHEN 1 THEN NULL ELSE $2::bigint END, opened_at = CASE WHEN key % 9 = 1 AND key % 30 <> 1 THEN $2::bigint END,
			status = CASE WHEN key % 45 = 1 AND key % 30 <> 1 THEN 'verified' ELSE 'pending' END WHERE key % 3 = 1 AND key <= $1`,
	} {
		s.exec(b, statement, users, noon.UnixMilli())
	}
	s.exec(b, `VACUUM (ANALYZE) users, deliveries, attempts, attention`)
	if err := s.FoldCounts(b.Context()); err != nil {
		b.Fatal(err)
	}
}
