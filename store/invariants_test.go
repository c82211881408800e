package store

import (
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"alta/pipeline"
)

// TestInvariants does what operators, imports and runs may do in any order and
// looks at the whole ledger after each step.
func TestInvariants(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		s, err := Open(t.Context(), newPath(t))
		if err != nil {
			rt.Fatal(err)
		}
		defer s.Close()
		if err := s.UseKey(t.Context(), testKey(t)); err != nil {
			rt.Fatal(err)
		}
		if _, err := s.writes.Exec(`PRAGMA synchronous = OFF`); err != nil { // nothing here survives a power cut
			rt.Fatal(err)
		}
		m := &machine{t: rt, s: s, now: noon, settled: map[string]string{}}
		m.plan = pipeline.Plan{
			Reminders: []time.Duration{24 * time.Hour}, ReissueOnExpiry: true, MinGap: time.Hour,
			MaxMails: 4, Tries: 2, ResendDoubt: rapid.Bool().Draw(rt, "resend doubt"),
		}
		m.startRun()
		rt.Repeat(map[string]func(*rapid.T){
			"":        func(*rapid.T) { m.check() },
			"enrol":   m.enrol,
			"source":  m.source,
			"pull":    m.pull,
			"begin":   m.begin,
			"record":  m.record,
			"mark":    m.mark,
			"resend":  m.resend,
			"erase":   m.erase,
			"recover": func(*rapid.T) { m.recover() },
			"wait": func(t *rapid.T) {
				m.now = m.now.Add(time.Duration(rapid.IntRange(-30, 30).Draw(t, "hours")) * time.Hour)
			},
		})
	})
}

// machine drives one ledger and remembers what must never change.
type machine struct {
	t        *rapid.T
	s        *Store
	q        *Queue
	now      time.Time
	plan     pipeline.Plan
	inFlight []*flight
	attempts []string
	settled  map[string]string // by delivery
}

type flight struct {
	pipeline.Delivery
	begun bool
}

var machineActor = Act{"machine", "test"}

func (m *machine) must(err error) {
	m.t.Helper()
	if err != nil {
		m.t.Fatal(err)
	}
}

func (m *machine) next(u pipeline.User, h pipeline.History) (pipeline.Next, bool) {
	return m.plan.Next(u, h, m.now)
}

func (m *machine) startRun() {
	id, _, err := m.s.StartRun(m.t.Context(), ByCommand, time.Time{}, m.plan.MinGap, m.now)
	m.must(err)
	m.q = m.s.Queue(id, Everything)
}

func drawID(t *rapid.T) string {
	return rapid.SampledFrom([]string{"ana", "bob", "cid", "eve"}).Draw(t, "user")
}

func drawUser(t *rapid.T) pipeline.User {
	id := drawID(t)
	return pipeline.User{
		ID: id, Name: "Name",
		Email:   id + rapid.SampledFrom([]string{"@one.example", "@two.example"}).Draw(t, "domain"),
		Country: rapid.SampledFrom([]pipeline.Country{pipeline.MX, pipeline.DO}).Draw(t, "country"),
		Type:    rapid.SampledFrom([]pipeline.UserType{"", pipeline.Individual, pipeline.Business}).Draw(t, "type"),
		Status:  rapid.SampledFrom([]pipeline.Status{"", "", "", pipeline.Pending, pipeline.InReview, pipeline.Verified}).Draw(t, "status"),
	}
}

func (m *machine) enrol(t *rapid.T) {
	_, err := m.s.Enrol(t.Context(), rapid.SliceOfN(rapid.Custom(drawUser), 1, 3).Draw(t, "users"), Imported, m.next, m.now)
	m.must(err)
}

func (m *machine) source(t *rapid.T) {
	pass, err := m.s.StartSync(t.Context(), m.next)
	m.must(err)
	_, err = pass.Enrol(t.Context(), rapid.SliceOfN(rapid.Custom(drawUser), 0, 3).Draw(t, "users"), m.now)
	m.must(err)
	if rapid.Bool().Draw(t, "finishes") {
		_, err = pass.Finish(t.Context(), m.now)
		m.must(err)
	}
}

func (m *machine) pull(t *rapid.T) {
	n := rapid.IntRange(1, 4).Draw(t, "n")
	b, err := m.q.Pull(t.Context(), m.now, n)
	m.must(err)
	if len(b.Deliveries) > n {
		t.Fatalf("pulled %d, want at most %d", len(b.Deliveries), n)
	}
	for _, d := range b.Deliveries {
		m.inFlight = append(m.inFlight, &flight{Delivery: d})
	}
}

func (m *machine) drawFlight(t *rapid.T) int {
	if len(m.inFlight) == 0 {
		t.Skip("nothing is in flight")
	}
	return rapid.IntRange(0, len(m.inFlight)-1).Draw(t, "flight")
}

func (m *machine) begin(t *rapid.T) {
	f := m.inFlight[m.drawFlight(t)]
	if f.begun {
		t.Skip("begun already")
	}
	if !f.Link.Usable(m.now, 0) {
		f.Link = pipeline.Link{
			URL:      pipeline.NewSecret(fmt.Sprintf("https://kyc.example.com/%d/%d", f.ID, m.now.UnixNano())),
			IssuedAt: m.now, ExpiresAt: m.now.Add(24 * time.Hour),
		}
	}
	if !f.Repeat {
		f.Message = pipeline.Message{ID: fmt.Sprintf("%d.%d", f.ID, f.Attempt), Date: m.now, Digest: []byte{1}}
	}
	var err error
	if f.Link.ID == 0 {
		err = m.q.Keep(t.Context(), &f.Delivery)
	}
	if err == nil {
		err = m.q.Begin(t.Context(), &f.Delivery, m.now)
	} else {
		f.Link = pipeline.Link{}
	}
	if _, fault := errors.AsType[*pipeline.Fault](err); err != nil && !fault {
		t.Fatal(err)
	}
	f.begun = err == nil
	if err != nil {
		m.settle(f, err)
	}
}

func (m *machine) record(t *rapid.T) {
	f := m.inFlight[m.drawFlight(t)]
	if !f.begun {
		m.must(m.q.Record(t.Context(), &f.Delivery, pipeline.PutBack(&f.Delivery, f.DueAt), m.now))
		m.drop(f)
		return
	}
	kind := rapid.SampledFrom([]pipeline.Kind{-1, -1, -1, pipeline.Retry, pipeline.Fail, pipeline.Hold, pipeline.Doubt, pipeline.Outage, pipeline.Cancel}).Draw(t, "kind")
	if kind < 0 {
		m.settle(f, nil)
		return
	}
	m.settle(f, &pipeline.Fault{Kind: kind, Code: "test", BadAddress: kind == pipeline.Fail && rapid.Bool().Draw(t, "bad address")})
}

func (m *machine) settle(f *flight, err error) {
	m.must(m.q.Record(m.t.Context(), &f.Delivery, m.plan.Judge(&f.Delivery, err, m.now), m.now))
	m.drop(f)
}

func (m *machine) drop(f *flight) {
	m.inFlight = slices.DeleteFunc(m.inFlight, func(other *flight) bool { return other == f })
}

func (m *machine) mark(t *rapid.T) {
	status := rapid.SampledFrom(slices.DeleteFunc(pipeline.Statuses(), func(s pipeline.Status) bool { return s == pipeline.Erased })).Draw(t, "status")
	id := drawID(t)
	err := m.s.Mark(t.Context(), id, status, m.next, machineActor, m.now)
	if err != nil && !errors.Is(err, ErrNotFound) && m.status(id) != pipeline.Erased {
		t.Fatal(err)
	}
}

func (m *machine) status(id string) pipeline.Status {
	r, err := m.s.Find(m.t.Context(), id)
	m.must(err)
	return r.User.Status
}

func (m *machine) resend(t *rapid.T) {
	id := drawID(t)
	r, err := m.s.Find(t.Context(), id)
	if errors.Is(err, ErrNotFound) {
		t.Skip("unknown")
	}
	m.must(err)
	whyNot, err := m.s.Resend(t.Context(), id, pipeline.ResendStep(r.History), rapid.Bool().Draw(t, "force"), machineActor, m.now)
	m.must(err)
	if whyNot == "" && m.count(`SELECT count(*) FROM deliveries d JOIN users u ON u.key = d.user_key
		WHERE u.id = ? AND d.state = 'due' AND d.operator = 1 AND d.due_at <= ?`, id, m.now.UnixMilli()) != 1 {
		t.Fatalf("nothing is due for %s after a resend", id)
	}
}

func (m *machine) erase(t *rapid.T) {
	id := drawID(t)
	if err := m.s.Erase(t.Context(), id, machineActor, m.now); err == nil && m.status(id) != pipeline.Erased {
		t.Fatalf("%s is not erased", id)
	}
}

func (m *machine) recover() {
	_, _, err := m.s.Recover(m.t.Context(), m.now, func(d *pipeline.Delivery, begun bool) pipeline.Verdict {
		if begun {
			return m.plan.JudgeOrphan(d, m.now)
		}
		return m.plan.JudgeClaimed(d, m.now, time.Minute)
	})
	m.must(err)
	m.inFlight = nil
	m.startRun()
}

// check looks for everything that must hold at any time.
func (m *machine) check() {
	for what, query := range map[string]string{
		"users with several open deliveries": `SELECT count(*) FROM (SELECT 1 FROM deliveries
			WHERE state IN ('due', 'claimed', 'sending', 'held', 'doubt') GROUP BY user_key HAVING count(*) > 1)`,
		"deliveries that wait for users to whom no mail may go": `SELECT count(*) FROM deliveries d JOIN users u ON u.key = d.user_key
			WHERE d.state IN ('due', 'held', 'doubt') AND (u.status <> 'pending' OR u.withdrawn = 1 OR u.address_bad = 1)`,
		"users with several current links": `SELECT count(*) FROM (SELECT 1 FROM links
			WHERE superseded_at IS NULL GROUP BY user_key HAVING count(*) > 1)`,
		"deliveries with a wrong owner": `SELECT count(*) FROM deliveries WHERE (run_id IS NOT NULL) <> (state IN ('claimed', 'sending'))`,
		"deliveries on the wire without a link or a message": `SELECT count(*) FROM deliveries
			WHERE state = 'sending' AND (link_id IS NULL OR message_id = '' OR message_date IS NULL OR digest IS NULL)`,
		"open deliveries in another country than their user": `SELECT count(*) FROM deliveries d JOIN users u ON u.key = d.user_key
			WHERE d.state IN ('due', 'claimed', 'sending', 'held', 'doubt') AND d.country <> u.country`,
		"users with a wrong count of mails": `SELECT count(*) FROM users u
			WHERE u.mails <> (SELECT count(*) FROM deliveries d WHERE d.user_key = u.key AND d.state = 'sent')`,
		"erased users with personal data": `SELECT count(*) FROM users u WHERE u.status = 'erased' AND (email <> '' OR name <> ''
			OR EXISTS (SELECT 1 FROM links l WHERE l.user_key = u.key AND (l.sealed IS NOT NULL OR l.fingerprint IS NOT NULL)))`,
		"links of users who are done": `SELECT count(*) FROM users u JOIN links l ON l.user_key = u.key
			WHERE u.status <> 'pending' AND l.sealed IS NOT NULL`,
		"links that are superseded and readable": `SELECT count(*) FROM links WHERE superseded_at IS NOT NULL AND sealed IS NOT NULL`,
		"mails within the gap after another that nobody forced": fmt.Sprintf(`SELECT count(*) FROM deliveries a JOIN deliveries b ON b.user_key = a.user_key AND b.id > a.id
			WHERE a.state = 'sent' AND b.state IN ('sending', 'sent') AND b.forced = 0 AND b.began_at < a.began_at + %d`, m.plan.MinGap.Milliseconds()),
		"deliveries in flight that the ledger does not know": fmt.Sprintf(
			`SELECT %d - count(*) FROM deliveries WHERE state IN ('claimed', 'sending')`, len(m.inFlight)),
	} {
		if n := m.count(query); n != 0 {
			m.t.Fatalf("%d %s", n, what)
		}
	}
	m.must(m.s.checkCounts(m.t.Context()))
	m.checkAppendOnly()
}

func (m *machine) count(query string, args ...any) (n int) {
	m.must(m.s.reads.QueryRow(query, args...).Scan(&n))
	return n
}

// checkAppendOnly sees to it that attempts are only added and that a delivery
// that is settled stays as it is.
func (m *machine) checkAppendOnly() {
	attempts := m.texts(`SELECT id || ' ' || delivery_id || ' ' || at || ' ' || outcome || ' ' || code FROM attempts ORDER BY id`)
	if len(attempts) < len(m.attempts) || !slices.Equal(attempts[:len(m.attempts)], m.attempts) {
		m.t.Fatalf("attempts were\n%q\nand are\n%q", m.attempts, attempts)
	}
	m.attempts = attempts
	now := map[string]string{}
	for _, text := range m.texts(`SELECT id || ': ' || step || ' ' || round || ' ' || state || ' ' || due_at || ' ' || attempts || ' ' || code
		FROM deliveries WHERE state IN ('sent', 'failed', 'cancelled')`) {
		id, rest, _ := strings.Cut(text, ": ")
		now[id] = rest
	}
	for id, was := range m.settled {
		if now[id] != was {
			m.t.Fatalf("delivery %s was settled as %q and is %q", id, was, now[id])
		}
	}
	m.settled = now
}

func (m *machine) texts(query string) []string {
	all, err := column[string](boundTo(m.t.Context(), m.s.reads), query)
	if !errors.Is(err, sql.ErrNoRows) {
		m.must(err)
	}
	return all
}
