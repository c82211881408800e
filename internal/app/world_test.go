package app

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"alta/internal/sandbox"
	"alta/pipeline"
)

// The secrets of the tests, which must never be printed.
const (
	testKey      = "canary-api-key-5b1f"
	testPassword = "canary-smtp-password-77c2"
)

// world is a folder with a configuration, a partner API and a mail server.
type world struct {
	t    testing.TB
	dir  string
	api  *sandbox.API
	smtp *sandbox.SMTP
	now  pipeline.Clock

	postgres string // the URL of its database, "" for a ledger in a file
	db       rowsOf

	kept atomic.Pointer[func(sandbox.Mail)] // called for each mail before it is acknowledged
}

// newWorld starts the servers and writes the configuration. Its clock stamps
// mints and mails.
func newWorld(t testing.TB, now pipeline.Clock, settings ...string) *world {
	t.Helper()
	return newWorldOn(t, now, databaseFor(t), settings...)
}

// newWorldOn is newWorld with its ledger in that database on PostgreSQL; "" is a
// file.
func newWorldOn(t testing.TB, now pipeline.Clock, postgres string, settings ...string) *world {
	t.Helper()
	w := &world{t: t, dir: t.TempDir(), now: now, postgres: postgres}
	w.db = w.openRows()
	var err error
	if w.api, err = sandbox.StartAPI(sandbox.APIOptions{Key: testKey, AnyUser: true, Now: now}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { check(t, w.api.Close()) })
	if w.smtp, err = sandbox.StartSMTP(sandbox.SMTPOptions{Username: "alta", Password: testPassword, Now: now, OnMail: w.onMail}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { check(t, w.smtp.Close()) })
	w.configure(settings...)
	return w
}

// configure writes config.toml; a setting that is given, as "NAME = VALUE",
// wins over the test's own.
func (w *world) configure(settings ...string) {
	w.t.Helper()
	host, port := w.smtp.Addr()
	all := map[string]string{
		"database.url":         `"alta.db"`,
		"capa.base_url":        strconv.Quote(w.api.URL()),
		"capa.redirect_uri":    `"https://pagoclaro.example/listo"`,
		"capa.link_hosts":      `["kyc.sandbox.example"]`,
		"smtp.host":            strconv.Quote(host),
		"smtp.port":            strconv.Itoa(port),
		"smtp.tls":             `"none"`,
		"smtp.username":        `"alta"`,
		"smtp.dot_timeout":     `"1ms"`, // so that it is smtp.timeout
		"smtp.from":            `"Pago Claro <hola@pagoclaro.example>"`,
		"brand.name":           `"Pago Claro"`,
		"brand.MX.legal_name":  `"Pago Claro México, S.A. de C.V."`,
		"brand.MX.address":     `"Av. Paseo de la Reforma 250, Ciudad de México"`,
		"brand.MX.privacy_url": `"https://pagoclaro.example/mx/aviso"`,
		"brand.DO.legal_name":  `"Pago Claro Dominicana, S.R.L."`,
		"brand.DO.address":     `"Av. Winston Churchill 93, Santo Domingo"`,
		"brand.DO.privacy_url": `"https://pagoclaro.example/do/privacidad"`,
		"plan.sending_hours":   `""`,
		"operator.listen":      `"127.0.0.1:0"`,
		"log.level":            `"debug"`,
		"log.format":           `"json"`,
	}
	if w.postgres != "" {
		all["database.url"] = strconv.Quote(w.postgres)
		all["fleet.lease"] = `"1s"` // so that what a killed program leaves behind is settled soon
	}
	for _, s := range settings {
		name, value, _ := strings.Cut(s, " = ")
		all[name] = value
	}
	var b strings.Builder
	for _, name := range slices.Sorted(maps.Keys(all)) {
		fmt.Fprintf(&b, "%s = %s\n", name, all[name])
	}
	w.write(defaultConfigFile, b.String())
}

// onKept sets what happens between the keeping of a mail and the server's yes.
func (w *world) onKept(do func(sandbox.Mail)) { w.kept.Store(&do) }

func (w *world) onMail(m sandbox.Mail) {
	if do := w.kept.Load(); do != nil {
		(*do)(m)
	}
}

func (w *world) path(name string) string { return filepath.Join(w.dir, name) }

func (w *world) write(name, text string) {
	w.t.Helper()
	check(w.t, os.WriteFile(w.path(name), []byte(text), 0o600))
}

// alta runs a command inside this process, on the world's clock, and wants that
// exit status. It returns what went to standard output.
func (w *world) alta(status int, args ...string) string {
	w.t.Helper()
	w.setDatabaseClock()
	var out, screenOut bytes.Buffer
	a := &app{
		in: strings.NewReader(""), out: &out, screen: &screen{out: &screenOut}, getenv: w.getenv, now: w.now,
		defaults: standardConfig(w.t),
	}
	got := a.run(w.t.Context(), append([]string{"--config", w.path(defaultConfigFile)}, args...))
	if got != status {
		w.t.Fatalf("alta %s: exit status %d, want %d\n%s%s", strings.Join(args, " "), got, status, out.String(), screenOut.String())
	}
	w.wantNoSecret(out.String() + screenOut.String())
	return out.String()
}

// run makes a pass and returns its report, whose counts must add up.
func (w *world) run(status int, args ...string) pipeline.Report {
	w.t.Helper()
	var r pipeline.Report
	check(w.t, json.Unmarshal([]byte(w.alta(status, append([]string{"run", "--json"}, args...)...)), &r))
	if sum := r.Sent + r.Retry + r.Failed + r.Held + r.Doubt + r.Cancelled; sum != r.Selected {
		w.t.Fatalf("the report does not add up: %+v", r)
	}
	return r
}

func (w *world) getenv(name string) string {
	return map[string]string{"ALTA_CAPA_API_KEY": testKey, "ALTA_SMTP_PASSWORD": testPassword, "ALTA_DATA_KEY": w.sharedKey()}[name]
}

func (w *world) wantNoSecret(text string) {
	w.t.Helper()
	secrets := []string{testKey, testPassword}
	for _, m := range w.api.Mints() {
		link := m.Link.Reveal()
		if _, token, ok := strings.Cut(link, "_al="); ok {
			link, _, _ = strings.Cut(token, "=")
		}
		secrets = append(secrets, link)
	}
	for _, s := range secrets {
		if strings.Contains(text, s) {
			w.t.Fatalf("a secret was printed: %q in\n%s", s, text)
		}
	}
}

// minted returns the links of a user, oldest first.
func (w *world) minted(user string) []sandbox.Mint {
	return slices.DeleteFunc(w.api.Mints(), func(m sandbox.Mint) bool { return m.User != user })
}

// mailsTo returns the mails to an address, oldest first.
func (w *world) mailsTo(address string) []sandbox.Mail {
	return slices.DeleteFunc(w.smtp.Mails(), func(m sandbox.Mail) bool { return !slices.Contains(m.To, address) })
}

func check(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// testClock is a clock that only its owner moves.
type testClock struct {
	mu sync.Mutex
	at time.Time
}

func (c *testClock) now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.at
}

func (c *testClock) advance(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.at = c.at.Add(d)
}
