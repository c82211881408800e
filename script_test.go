package main

import (
	"errors"
	"fmt"
	"maps"
	"net/http/httptest"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"alta/internal/sandbox"
	"alta/pipeline"
	"alta/store"
)

// The secrets of every script. They must not show up in anything that alta
// prints.
const (
	apiKey       = "canary-api-key-5b1f"
	smtpPassword = "canary-smtp-password-77c2"
)

// world is what lies outside alta in one script.
type world struct {
	api    *sandbox.API
	smtp   *sandbox.SMTP
	ledger *store.Store // held open by "lock"
	lock   *store.Lock
	faults []sandbox.SMTPFault
	apiBad []sandbox.APIFault
	hook   *httptest.Server // where webhooks come in
	told   atomic.Int64     // how often the partner's news came
}

type worldKey struct{}

// setUp gives the script a partner API and a mail server of its own.
func setUp(env *testscript.Env) error {
	w := &world{}
	env.Values[worldKey{}] = w
	env.Defer(func() {
		if err := w.close(); err != nil {
			env.T().Fatal(err)
		}
	})
	var err error
	if w.api, err = sandbox.StartAPI(sandbox.APIOptions{Key: apiKey, AnyUser: true, Now: time.Now}); err != nil {
		return err
	}
	if w.smtp, err = sandbox.StartSMTP(sandbox.SMTPOptions{Username: "alta", Password: smtpPassword, Now: time.Now}); err != nil {
		return err
	}
	host, port := w.smtp.Addr()
	env.Setenv("CAPA_URL", w.api.URL())
	env.Setenv("SMTP_HOST", host)
	env.Setenv("SMTP_PORT", strconv.Itoa(port))
	env.Setenv("ALTA_CAPA_API_KEY", apiKey)
	env.Setenv("ALTA_SMTP_PASSWORD", smtpPassword)
	// A program with the race detector waits a second before it exits, unless
	// told not to.
	env.Setenv("GORACE", "atexit_sleep_ms=0")
	env.Setenv("TEST_PID", strconv.Itoa(os.Getpid()))
	return nil
}

func (w *world) close() error {
	var errs []error
	w.closeHook()
	if w.lock != nil {
		errs = append(errs, w.lock.Unlock(), w.ledger.Close())
	}
	if w.smtp != nil {
		errs = append(errs, w.smtp.Close())
	}
	if w.api != nil {
		errs = append(errs, w.api.Close())
	}
	return errors.Join(errs...)
}

// scriptCommands are the commands of the scripts besides testscript's own.
func scriptCommands() map[string]func(*testscript.TestScript, bool, []string) {
	return map[string]func(*testscript.TestScript, bool, []string){
		"exit":      exitCommand,
		"configure": configureCommand,
		"api":       apiCommand,
		"smtp":      smtpCommand,
		"mails":     mailsCommand,
		"mail":      mailCommand,
		"sql":       sqlCommand,
		"age":       ageCommand,
		"lock":      lockCommand,
		"mode":      modeCommand,
		"hook":      hookCommand,
	}
}

func worldOf(ts *testscript.TestScript) *world { return ts.Value(worldKey{}).(*world) }

// exitCommand is "exit STATUS COMMAND…": it runs the command, wants that exit
// status, and wants no secret and no link in what the command printed.
func exitCommand(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: exit STATUS COMMAND…")
	}
	want := number(ts, args[0])
	got := 0
	err := ts.Exec(args[1], args[2:]...)
	if exit, ok := errors.AsType[*exec.ExitError](err); ok {
		got = exit.ExitCode()
	} else {
		ts.Check(err)
	}
	for _, stream := range []string{"stdout", "stderr"} {
		text := ts.ReadFile(stream)
		for _, secret := range worldOf(ts).secrets(ts) {
			if strings.Contains(text, secret) {
				ts.Fatalf("%s shows a secret: %q", stream, secret)
			}
		}
	}
	if got != want {
		ts.Fatalf("exit status %d, want %d", got, want)
	}
}

// secrets are the keys, the passwords, and of each link the part that opens it.
func (w *world) secrets(ts *testscript.TestScript) []string {
	all := []string{apiKey, smtpPassword, webhookSecret, ts.Getenv("ALTA_CAPA_API_KEY"), ts.Getenv("ALTA_SMTP_PASSWORD")}
	for _, m := range w.api.Mints() {
		_, token, _ := strings.Cut(m.Link.Reveal(), "_al=")
		token, _, _ = strings.Cut(token, "=")
		all = append(all, token)
	}
	return slices.DeleteFunc(all, func(s string) bool { return s == "" })
}

// configureCommand is "configure ['SETTING = VALUE'…]": it writes config.toml
// for the script's servers. A setting that is given wins.
func configureCommand(ts *testscript.TestScript, neg bool, args []string) {
	if neg {
		ts.Fatalf("configure can't be negated")
	}
	settings := map[string]string{
		"capa.base_url":      quoted(ts, "CAPA_URL"),
		"capa.redirect_uri":  `"https://pagoclaro.example/listo"`,
		"capa.link_hosts":    `["kyc.sandbox.example"]`,
		"smtp.host":          quoted(ts, "SMTP_HOST"),
		"smtp.port":          ts.Getenv("SMTP_PORT"),
		"smtp.tls":           `"none"`,
		"smtp.username":      `"alta"`,
		"smtp.from":          `"Pago Claro <hola@pagoclaro.example>"`,
		"brand.name":         `"Pago Claro"`,
		"brand.MX":           `{ privacy_url = "https://pagoclaro.example/mx" }`,
		"brand.DO":           `{ privacy_url = "https://pagoclaro.example/do" }`,
		"plan.sending_hours": `""`,
		// All that could ever be logged is looked through for secrets.
		"log.level": `"debug"`,
	}
	for _, arg := range args {
		name, value, ok := strings.Cut(arg, " = ")
		if !ok {
			ts.Fatalf("configure %q: want 'SETTING = VALUE'", arg)
		}
		settings[name] = value
	}
	var b strings.Builder
	for _, name := range slices.Sorted(maps.Keys(settings)) {
		fmt.Fprintf(&b, "%s = %s\n", name, settings[name])
	}
	ts.Check(os.WriteFile(ts.MkAbs("config.toml"), []byte(b.String()), 0o600))
}

func quoted(ts *testscript.TestScript, name string) string { return strconv.Quote(ts.Getenv(name)) }

// apiCommand is one of
//
//	api fault WHOM ANSWER   WHOM is a user id, MX, DO or all
//	api mend                answers rightly again
//	api mints N             wants N links to have been minted
//	api calls N             wants N mint requests, refused ones included
func apiCommand(ts *testscript.TestScript, neg bool, args []string) {
	w := worldOf(ts)
	switch {
	case neg || len(args) == 0:
		ts.Fatalf("usage: api fault|mend|mints|calls …")
	case args[0] == "fault" && len(args) == 3:
		w.apiBad = append(w.apiBad, apiFault(ts, args[1], args[2]))
		w.api.SetFaults(w.apiBad...)
	case args[0] == "mend" && len(args) == 1:
		w.apiBad = nil
		w.api.SetFaults()
	case args[0] == "mints" && len(args) == 2:
		wantNumber(ts, "minted links", len(w.api.Mints()), args[1])
	case args[0] == "calls" && len(args) == 2:
		wantNumber(ts, "mint requests", w.api.Calls(), args[1])
	default:
		ts.Fatalf("api: unknown arguments %q", args)
	}
}

func apiFault(ts *testscript.TestScript, whom, answer string) sandbox.APIFault {
	f := sandbox.APIFault{}
	switch whom {
	case "all":
	case "MX", "DO":
		f.Country = pipeline.Country(whom)
	default:
		f.User = whom
	}
	answers := map[string]sandbox.APIAnswer{
		"not-found":      sandbox.NotFound(),
		"not-associated": sandbox.NotAssociated(),
		"wrong-type":     sandbox.WrongType(pipeline.Business),
		"no-template":    sandbox.NoTemplate(f.Country),
		"server-error":   sandbox.ServerError(),
		"teapot":         {Status: 418, Code: "TEAPOT", Message: "I'm a teapot"},
	}
	var known bool
	if f.Answer, known = answers[answer]; !known {
		ts.Fatalf("api fault: want one of %q", slices.Sorted(maps.Keys(answers)))
	}
	return f
}

// smtpCommand is one of
//
//	smtp refuse STAGE CODE ENHANCED TEXT [RECIPIENT]
//	smtp cut STAGE [RECIPIENT]
//	smtp mend
func smtpCommand(ts *testscript.TestScript, neg bool, args []string) {
	w := worldOf(ts)
	switch {
	case neg || len(args) == 0:
		ts.Fatalf("usage: smtp refuse|cut|mend …")
	case args[0] == "mend" && len(args) == 1:
		w.faults = nil
	case args[0] == "cut" && (len(args) == 2 || len(args) == 3):
		w.faults = append(w.faults, sandbox.SMTPFault{
			Stage: sandbox.SMTPStage(args[1]), Action: sandbox.SMTPCut, Recipient: strings.Join(args[2:], ""),
		})
	case args[0] == "refuse" && (len(args) == 5 || len(args) == 6):
		w.faults = append(w.faults, sandbox.SMTPFault{
			Stage: sandbox.SMTPStage(args[1]), Action: sandbox.SMTPRefuse,
			Code: number(ts, args[2]), Enhanced: args[3], Text: args[4], Recipient: strings.Join(args[5:], ""),
		})
	default:
		ts.Fatalf("smtp: unknown arguments %q", args)
	}
	w.smtp.SetFaults(w.faults...)
}

func number(ts *testscript.TestScript, s string) int {
	n, err := strconv.Atoi(s)
	ts.Check(err)
	return n
}

func wantNumber(ts *testscript.TestScript, what string, got int, want string) {
	if got != number(ts, want) {
		ts.Fatalf("%s: %d, want %s", what, got, want)
	}
}
