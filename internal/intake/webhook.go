package intake

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"time"

	"alta/pipeline"
)

// Path is where Capa delivers its webhooks, below public.base_url.
const Path = "/hooks/capa"

const (
	maxBody     = 64 << 10 // bytes
	ledgerLimit = 5 * time.Second
)

// Ledger keeps what the partner tells.
type Ledger interface {
	// News moves the status of the user whom the external id names, forward only.
	// Of equal news, however often and in whatever order they come, also at the
	// same time, one alone has an effect. What has none, because nobody knows the
	// user or the event, is kept for an operator.
	News(ctx context.Context, n pipeline.News) (pipeline.Effect, error)
}

// Observer counts webhooks. Both words come from small sets, so they can be the
// labels of a metric: event is one of Capa's, "test", "other", or "none" where
// none could be read; effect is a [pipeline.Effect], "test", "refused",
// "too_large", "malformed" or "unwritable".
type Observer interface {
	CountNews(event, effect string)
}

// Options say how webhooks are taken in. All but Observer are required.
type Options struct {
	// Secrets are those that a webhook may be signed with: the current one, and
	// while it is being changed the one before. Zero ones are left out, and
	// without any every webhook is refused.
	Secrets []pipeline.Secret

	Ledger   Ledger
	Observer Observer // nil counts nothing
	Log      *slog.Logger
	Now      pipeline.Clock
}

type webhook struct {
	keys     keys
	ledger   Ledger
	observer Observer
	log      *slog.Logger
	now      pipeline.Clock
	refusals refusals
}

// Webhook returns the handler for POST [Path]. It looks at the method and the
// body alone, so it may stand at any path and takes any content type.
func Webhook(o Options) http.Handler {
	return &webhook{keys: newKeys(o.Secrets), ledger: o.Ledger, observer: o.Observer, log: o.Log, now: o.Now}
}

func (h *webhook) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.Method != http.MethodPost {
		w.Header().Set("Allow", http.MethodPost)
		answer(w, http.StatusMethodNotAllowed, "webhooks come by POST")
		return
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody))
	if _, long := errors.AsType[*http.MaxBytesError](err); long {
		h.refuse("too_large", "a body of more than 64 KiB")
		answer(w, http.StatusRequestEntityTooLarge, "the body is longer than 64 KiB")
		return
	}
	if err != nil { // whoever sent it is gone, or took too long
		h.refuse("malformed", "a body that broke off")
		answer(w, http.StatusBadRequest, "the body broke off")
		return
	}
	if !h.keys.signed(body, r.Header.Values(Header)) {
		h.refuse("refused", "no good signature; if it was Capa's, webhook.secret_file does not hold its secret")
		answer(w, http.StatusUnauthorized, "unauthorized")
		return
	}
	e, err := parseEvent(body)
	if err != nil {
		h.count("none", "malformed")
		h.log.Warn("a signed webhook could not be read; it is refused", "why", err)
		answer(w, http.StatusBadRequest, err.Error())
		return
	}
	if e.isTest() {
		h.count("test", "test")
		h.log.Info("a test webhook came through", "external_id", e.externalID)
		w.Header().Set(testHeader, testAnswer)
		answer(w, http.StatusOK, "ok")
		return
	}
	h.take(w, r, e.news())
}

// take hands the news to the ledger. A sender who hangs up meanwhile does not
// undo it, for there are only five tries.
func (h *webhook) take(w http.ResponseWriter, r *http.Request, n pipeline.News) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(r.Context()), ledgerLimit)
	defer cancel()
	effect, err := h.ledger.News(ctx, n)
	if err != nil {
		h.count(eventLabel(n), "unwritable")
		h.log.Error("the ledger could not take a webhook; Capa tries again", "event", n.Event, "external_id", n.ExternalID, "err", err)
		answer(w, http.StatusServiceUnavailable, "not taken; try again")
		return
	}
	h.count(eventLabel(n), string(effect))
	level := slog.LevelInfo
	if effect != pipeline.Applied && effect != pipeline.KnownAlready {
		level = slog.LevelWarn // it waits for an operator
	}
	h.log.Log(ctx, level, "webhook", "effect", effect, "event", n.Event, "external_id", n.ExternalID)
	answer(w, http.StatusOK, "ok")
}

// refuse notes a webhook that anybody may have sent, and says so once a minute.
func (h *webhook) refuse(effect, why string) {
	h.count("none", effect)
	if before, say := h.refusals.note(h.now()); say {
		h.log.Warn("a webhook was refused", "why", why, "unsaid_before", before)
	}
}

func (h *webhook) count(event, effect string) {
	if h.observer != nil {
		h.observer.CountNews(event, effect)
	}
}

func answer(w http.ResponseWriter, status int, text string) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.Header().Set("Cache-Control", "no-store")
	w.Header().Set("X-Content-Type-Options", "nosniff")
	w.WriteHeader(status)
	// A sender that went away is nobody's concern.
	_, _ = fmt.Fprintln(w, text)
}
