package main

import (
	"context"
	"encoding/pem"
	"log/slog"
	"net/http/httptest"
	"os"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"alta/internal/intake"
	"alta/pipeline"
)

// The secret that webhooks are signed with in the scripts.
const webhookSecret = "canary-webhook-secret-c0d3"

// hookCommand is one of
//
//	hook serve SECRET   takes webhooks at HOOK_URL, over TLS that the scripts trust
//	hook stop           takes none any more
//	hook registered URL wants the partner API to deliver webhooks there
//	hook told N         wants the ledger to have been told N times
func hookCommand(ts *testscript.TestScript, neg bool, args []string) {
	w := worldOf(ts)
	switch {
	case neg || len(args) == 0:
		ts.Fatalf("usage: hook serve|stop|registered|told …")
	case args[0] == "serve" && len(args) == 2:
		w.closeHook()
		w.hook = httptest.NewTLSServer(intake.Webhook(intake.Options{
			Secrets: []pipeline.Secret{pipeline.NewSecret(args[1])}, Ledger: w,
			Log: slog.New(slog.DiscardHandler), Now: time.Now,
		}))
		certificate := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: w.hook.Certificate().Raw})
		ts.Check(os.WriteFile(ts.MkAbs("trusted.pem"), certificate, 0o600))
		ts.Setenv("SSL_CERT_FILE", ts.MkAbs("trusted.pem"))
		ts.Setenv("HOOK_URL", w.hook.URL)
	case args[0] == "stop" && len(args) == 1:
		w.closeHook()
	case args[0] == "registered" && len(args) == 2:
		if got := w.api.Webhook(); got != args[1] {
			ts.Fatalf("webhooks go to %q, want %q", got, args[1])
		}
	case args[0] == "told" && len(args) == 2:
		wantNumber(ts, "news", int(w.told.Load()), args[1])
	default:
		ts.Fatalf("hook: unknown arguments %q", args)
	}
}

// News counts what the partner tells.
func (w *world) News(context.Context, pipeline.News) (pipeline.Effect, error) {
	w.told.Add(1)
	return pipeline.Applied, nil
}

func (w *world) closeHook() {
	if w.hook != nil {
		w.hook.Close()
		w.hook = nil
	}
}
