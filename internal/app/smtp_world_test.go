package app

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"alta/internal/mailer"
	"alta/internal/sandbox"
	"alta/pipeline"
	"alta/store"
)

// tlsWorld is a world whose mail server wants STARTTLS and a login, with a
// certificate that only its own passes trust, and whose plan ends with the
// invite.
type tlsWorld struct {
	*world
	clock  *testClock
	log    bytes.Buffer
	app    *app
	engine *engine
	mail   mailer.Config // of the mailer that each pass gets
	users  int           // enrolled so far
}

func newTLSWorld(t *testing.T, settings ...string) *tlsWorld {
	t.Helper()
	clock := &testClock{at: moment(t, "2026-03-02T18:00:00Z")}
	w := &tlsWorld{world: newWorld(t, clock.now), clock: clock}
	check(t, w.smtp.Close())
	var err error
	w.smtp, err = sandbox.StartSMTP(sandbox.SMTPOptions{
		TLS: sandbox.SMTPStartTLS, Username: "alta", Password: testPassword, Mechanisms: []string{"PLAIN"}, Now: clock.now,
	})
	check(t, err)
	w.configure(append([]string{`smtp.tls = "starttls"`, "plan.reminders = []", "plan.reissue_on_expiry = false"}, settings...)...)
	w.wire()
	return w
}

// wire opens the ledger and makes the engine, as a command does.
func (w *tlsWorld) wire() {
	w.t.Helper()
	w.setDatabaseClock()
	w.app = &app{
		in: strings.NewReader(""), out: &w.log, screen: &screen{out: &w.log}, getenv: w.getenv, now: w.now,
		defaults: standardConfig(w.t), configFile: w.path(defaultConfigFile),
	}
	s, err := w.app.openStore(w.t.Context())
	check(w.t, err)
	w.t.Cleanup(func() { check(w.t, s.Close()) })
	w.engine, err = w.app.newEngine(w.t.Context(), s)
	check(w.t, err)
	w.t.Cleanup(func() {
		check(w.t, w.engine.close())
		w.wantNoSecret(w.log.String())
	})
	c := w.app.config.SMTP
	w.mail = mailer.Config{
		Host: c.Host, Port: c.Port, TLS: c.TLS, RootCAs: w.smtp.CertPool(), Username: c.Username, Password: c.Password,
		DotTimeout: c.DotTimeout, From: *c.FromAddress, Connections: c.Connections, LocalName: c.HelloName(),
	}
}

// enrol takes in n users and returns their numbers.
func (w *tlsWorld) enrol(n int) (users []int) {
	w.t.Helper()
	var b strings.Builder
	b.WriteString("id,email,name,country\n")
	for range n {
		w.users++
		users = append(users, w.users)
		fmt.Fprintf(&b, "%s,%s,Ana Torres,%s\n", userID(w.users), address(w.users), []string{"MX", "DO"}[w.users%2])
	}
	w.write("more.csv", b.String())
	w.alta(0, "users", "import", w.path("more.csv"))
	return users
}

func userID(user int) string { return fmt.Sprintf("u-%03d", user) }

func address(user int) string { return fmt.Sprintf("u%03d@correo.example", user) }

// strike plans the fault and gives it a second where it stalls, where nothing
// does as long as a busy machine may need.
func (w *tlsWorld) strike(fault sandbox.SMTPFault) {
	w.smtp.SetFaults(fault)
	w.mail.Timeout, w.mail.IdleTimeout = 20*time.Second, 20*time.Second
	if fault.Action == sandbox.SMTPStall || fault.Action == sandbox.SMTPFlood {
		w.mail.Timeout = time.Second
	}
	if fault.Stage == sandbox.AtQuit {
		w.mail.IdleTimeout = time.Millisecond // so that QUIT comes between two mails too
	}
}

// mend ends the fault.
func (w *tlsWorld) mend() {
	w.strike(sandbox.SMTPFault{})
	w.smtp.SetFaults()
}

// pass does what 'alta run' does, with a mailer of its own, which remembers
// nothing of the passes before. The counts of its report must add up.
func (w *tlsWorld) pass() (report pipeline.Report) {
	w.t.Helper()
	w.setDatabaseClock()
	err := w.engine.mailer.Close()
	check(w.t, err)
	w.engine.mailer, err = mailer.New(w.mail, w.now)
	check(w.t, err)
	r, err := w.engine.takeRight(w.t.Context())
	check(w.t, err)
	report, err = r.run(w.t.Context(), pass{trigger: store.ByCommand, logged: true})
	check(w.t, errors.Join(err, r.give(w.t.Context()), w.engine.mailer.Close()))
	if sum := report.Sent + report.Retry + report.Failed + report.Held + report.Doubt + report.Cancelled; sum != report.Selected {
		w.t.Errorf("the report does not add up: %+v", report)
	}
	return report
}

// passUntilDone makes a pass an hour until one selects nothing, which must come
// soon, and returns how many deliveries were in doubt on the way.
func (w *tlsWorld) passUntilDone() (doubts int) {
	w.t.Helper()
	for range 6 {
		w.clock.advance(time.Hour)
		r := w.pass()
		doubts += r.Doubt
		if r.Selected == 0 && r.Outage == "" {
			return doubts
		}
	}
	w.t.Fatal("after six hours there is still something to do")
	return 0
}

// resend does what 'alta resend' does.
func (w *tlsWorld) resend(user int) {
	w.t.Helper()
	whyNot, err := w.engine.store.Resend(w.t.Context(), userID(user), pipeline.Invite, true, w.app.act("the fault is mended"), w.now())
	check(w.t, err)
	if whyNot != "" {
		w.t.Errorf("resend to user %d: %s", user, whyNot)
	}
}

// delivery returns the state of the user's latest delivery, and how many
// attempts at it count.
func (w *tlsWorld) delivery(user int) (state pipeline.State, paid int) {
	w.t.Helper()
	check(w.t, w.rows().queryRow(`SELECT d.state, d.attempts FROM deliveries d JOIN users u ON u.key = d.user_key
		WHERE u.id = ? ORDER BY d.id DESC LIMIT 1`, userID(user)).Scan(&state, &paid))
	return state, paid
}

// wantMails wants n mails to the user, complete, all the same, and with the
// link that was minted last.
func (w *tlsWorld) wantMails(user, n int) {
	w.t.Helper()
	mails := w.mailsTo(address(user))
	if len(mails) != n {
		w.t.Fatalf("user %d has %d mails, want %d", user, len(mails), n)
	}
	mints := w.minted(userID(user))
	for _, m := range mails {
		if !bytes.HasSuffix(m.Raw, []byte("--\r\n")) {
			w.t.Errorf("user %d got a truncated mail:\n%s", user, m.Raw)
		}
		if !bytes.Equal(m.Raw, mails[0].Raw) {
			w.t.Errorf("user %d got two mails that are not the same", user)
		}
		readMail(w.t, m).wantLink(w.t, mints[len(mints)-1])
	}
}
