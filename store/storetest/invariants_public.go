package storetest

import (
	"encoding/binary"
	"errors"
	"fmt"
	"strings"
	"time"

	"pgregory.net/rapid"

	"alta/pipeline"
	"alta/store"
)

// public is what the machine remembers of what users hold and ask for.
type public struct {
	tokens   uint64
	tickets  []pipeline.TicketDigest
	sessions []int64
}

// mostMails is what the plan allows a user who asks for one.
const mostMails = 9

// publicActions are what users, partner's apps and the partner do, and what comes of it.
func (m *machine) publicActions() map[string]func(*rapid.T) {
	return map[string]func(*rapid.T){
		"opt out": func(t *rapid.T) {
			_, _, err := m.ledger.OptOut(t.Context(), m.drawTicket(t), m.now)
			m.mayBeGone(err)
		},
		"ask later": func(t *rapid.T) {
			err := m.ledger.AskLater(t.Context(), m.drawTicket(t), mostMails, m.now)
			if _, closed := errors.AsType[*pipeline.Fault](err); !closed {
				m.mayBeGone(err)
			}
		},
		"answer": func(t *rapid.T) {
			id := drawID(t)
			queued, err := m.ledger.AnswerAsker(t.Context(), id, mostMails, m.now)
			m.must(err)
			if queued && len(m.column(dueForOperator, id, m.now.UnixMilli())) != 1 {
				t.Fatalf("nothing is due for %s, who was answered", id)
			}
		},
		"visit": func(t *rapid.T) {
			link := int64(rapid.IntRange(1, 9).Draw(t, "link"))
			kind := rapid.SampledFrom(pipeline.VisitKinds()).Draw(t, "kind")
			m.must(m.ledger.CountVisits(t.Context(), []pipeline.Visit{{LinkID: link, Kind: kind, N: 1, At: m.now}}))
		},
		"news": func(t *rapid.T) {
			event := rapid.SampledFrom([]string{"CREATED_KYC", "VERIFIED_USER", "REJECTED_KYC", "DELETED_KYC"}).Draw(t, "event")
			_, err := m.ledger.News(t.Context(), told("x-"+drawID(t), event), m.next, m.now)
			m.must(err)
		},
		"tell": func(t *rapid.T) {
			m.mayBeGone(m.ledger.Tell(t.Context(), drawID(t), pipeline.Verified, m.next, m.now))
		},
		"start session":   m.startSession,
		"finish session":  m.finishSession,
		"give session up": m.giveSessionUp,
	}
}

func (m *machine) mayBeGone(err error) {
	m.t.Helper()
	if !errors.Is(err, store.ErrNotFound) {
		m.must(err)
	}
}

// last gives the delivery a lasting link, whose token is the next of all.
func (m *machine) last(d *pipeline.Delivery) {
	m.tokens++
	random := strings.NewReader(string(binary.BigEndian.AppendUint64(make([]byte, 8), m.tokens)))
	m.must(pipeline.Lasting(publicURL, random, func() time.Time { return m.now })(m.t.Context(), d))
	m.tickets = append(m.tickets, *d.Link.Ticket)
}

func (m *machine) drawTicket(t *rapid.T) pipeline.TicketDigest {
	if len(m.tickets) == 0 {
		t.Skip("nobody has a ticket")
	}
	return rapid.SampledFrom(m.tickets).Draw(t, "ticket")
}

func (m *machine) startSession(t *rapid.T) {
	who := app(drawID(t))
	if rapid.Bool().Draw(t, "by ticket") {
		digest := m.drawTicket(t)
		who = pipeline.Holder{Ticket: &digest}
	}
	o, err := m.ledger.StartSession(t.Context(), who, sessionRules(), m.now)
	if errors.Is(err, store.ErrNotFound) {
		return
	}
	m.must(err)
	if o.Kind == pipeline.OpenReuse && !o.Link.Usable(m.now, sessionRules().MinLife) {
		t.Fatalf("a session is used again that is as good as over")
	}
	if o.Kind == pipeline.OpenMint {
		m.sessions = append(m.sessions, o.Session)
	}
}

func (m *machine) takeSession(t *rapid.T) (session int64) {
	if len(m.sessions) == 0 {
		t.Skip("nothing is being minted")
	}
	session, m.sessions = m.sessions[0], m.sessions[1:]
	return session
}

func (m *machine) finishSession(t *rapid.T) {
	session := m.takeSession(t)
	err := m.ledger.FinishSession(t.Context(), session, pipeline.Link{
		URL:      pipeline.NewSecret(fmt.Sprintf("https://kyc.example.com/session/%d", session)),
		IssuedAt: m.now, ExpiresAt: m.now.Add(linkTTL),
	})
	if f, late := errors.AsType[*pipeline.Fault](err); err != nil && (!late || f.Kind == pipeline.Outage) {
		t.Fatal(err)
	}
}

func (m *machine) giveSessionUp(t *rapid.T) {
	m.must(m.ledger.GiveUpSession(t.Context(), m.takeSession(t), rapid.Bool().Draw(t, "doubtful"), m.now))
}

// publicRules are queries for what must not be, as in brokenRules.
var publicRules = []rule{
	{"lasting links that were mailed and are readable", `SELECT count(*) FROM links l JOIN deliveries d ON d.link_id = l.id
		WHERE l.token IS NOT NULL AND l.sealed IS NOT NULL AND d.state = 'sent'`},
	{"erased users whose sessions are known again", `SELECT count(*) FROM sessions s JOIN users u ON u.key = s.user_key
		WHERE u.status = 'erased' AND s.fingerprint IS NOT NULL`},
	{"erased users with a ticket", `SELECT count(*) FROM links l JOIN users u ON u.key = l.user_key WHERE u.status = 'erased' AND l.token IS NOT NULL`},
	{"wishes of users who opted out, by a dead ticket", `SELECT count(*) FROM users u WHERE u.status = 'opted_out'
		AND NOT EXISTS (SELECT 1 FROM links l WHERE l.user_key = u.key AND l.token IS NOT NULL AND l.dead_at IS NULL)
		AND EXISTS (SELECT 1 FROM askers a WHERE a.user_key = u.key AND a.asked_at IS NOT NULL)`},
	{"sessions of users who are done", `SELECT count(*) FROM sessions s JOIN users u ON u.key = s.user_key
		WHERE u.status IN ('verified', 'rejected', 'erased') AND (s.sealed IS NOT NULL OR s.state = 'minting')`},
	{"sessions that are readable and not open", `SELECT count(*) FROM sessions WHERE sealed IS NOT NULL AND (state <> 'open' OR shared)`},
	{"users with several sessions being minted", `SELECT count(*) FROM (SELECT 1 FROM sessions WHERE state = 'minting' GROUP BY user_key HAVING count(*) > 1) AS several`},
	{"wishes of users who are done", `SELECT count(*) FROM askers a JOIN users u ON u.key = a.user_key WHERE u.status IN ('verified', 'rejected', 'erased') AND a.asked_at IS NOT NULL`},
	{"news of erased users", `SELECT count(*) FROM news n JOIN users u ON u.key = n.user_key WHERE u.status = 'erased'`},
	{"news that had an effect and waits", `SELECT count(*) FROM news WHERE settled_at IS NULL AND effect IN ('applied', 'known')`},
}
