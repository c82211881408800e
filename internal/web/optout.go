package web

import (
	"context"
	"errors"
	"net/http"
	"time"

	"alta/pipeline"
)

// optOutLimit bounds the time that the ledger may take to note an opting out.
const optOutLimit = 20 * time.Second

// askLeave answers GET and HEAD of /u/TOKEN: it asks whether to opt out. Mail
// scanners fetch this address too.
func (s *public) askLeave(w http.ResponseWriter, r *http.Request, token string) {
	if t, ok := s.ticket(w, r, token); ok {
		s.pages.show(w, visible{status: http.StatusOK, kind: departure(t, pageLeave), user: t.User, token: token})
	}
}

// leave answers POST of /u/TOKEN: the one click of RFC 8058, which a mail provider
// makes in the user's name and which asks nothing back, or the form of the page.
func (s *public) leave(w http.ResponseWriter, r *http.Request, token string) {
	body, ok := formBody(w, r)
	if !ok {
		return
	}
	t, ok := s.ticket(w, r, token)
	if !ok {
		return
	}
	if !wantsOut(r.Header.Get("Content-Type"), body) {
		s.pages.show(w, visible{status: http.StatusBadRequest, kind: departure(t, pageLeave), user: t.User, token: token})
		return
	}
	// It holds, whether or not the client waits for the answer.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(r.Context()), optOutLimit)
	defer cancel()
	after, _, err := s.OptOuts.OptOut(ctx, pipeline.DigestTicket(token), s.Now())
	switch {
	case errors.Is(err, ErrUnknownTicket):
		s.pages.show(w, stranger(http.StatusNotFound, pageUnknown))
	case err != nil:
		s.fail(w, t, "note that a user opted out", err)
	default:
		s.pages.show(w, visible{status: http.StatusOK, kind: departure(after, pageLeft), user: after.User})
	}
}

// departure returns the page for a user who is leaving: otherwise, or the one that
// says that there is nothing left to leave.
func departure(t pipeline.Ticket, otherwise pageKind) pageKind {
	switch {
	case t.User.Status == pipeline.Verified, t.User.Status == pipeline.Rejected:
		return pageSettled
	case t.User.Status == pipeline.OptedOut && t.Dead:
		return pageLeft
	}
	return otherwise
}
