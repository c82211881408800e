package web

import (
	"context"
	"errors"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"

	"alta/pipeline"
)

// look answers GET and HEAD of a lasting link. Mail scanners fetch it before the
// user does, so it only counts.
func (s *public) look(w http.ResponseWriter, r *http.Request, token string) {
	t, ok := s.ticket(w, r, token)
	if !ok {
		return
	}
	s.Visits.Count(t.LinkID, classify(r.Method, r.Header), s.Now())
	s.stand(w, r, t, token)
}

// press answers POST of a lasting link: the user wants the verification now.
func (s *public) press(w http.ResponseWriter, r *http.Request, token string) {
	if _, ok := formBody(w, r); !ok {
		return
	}
	t, ok := s.ticket(w, r, token)
	if !ok {
		return
	}
	if !t.Alive() {
		s.turn(t)
		s.stand(w, r, t, token)
		return
	}
	select {
	case s.slots <- struct{}{}:
		defer func() { <-s.slots }()
	default:
		s.turn(t)
		s.refuse(w, r, t, token, http.StatusServiceUnavailable, pageBusy, retryBusy)
		return
	}
	s.unhurry(w)
	ctx, cancel := context.WithTimeout(r.Context(), s.Patience)
	defer cancel()
	digest := pipeline.DigestTicket(token)
	link, minted, err := s.Opener.Open(ctx, pipeline.Holder{Ticket: &digest})
	if err == nil && link.URL.IsZero() {
		err = errors.New("the session has no link")
	}
	if err != nil {
		s.turn(t)
		s.turnAway(w, r, t, token, err)
		return
	}
	kind := pipeline.Reused
	if minted {
		kind = pipeline.Minted
	}
	s.Visits.Count(t.LinkID, kind, s.Now())
	// The one place where a client is sent to another site. A body would show the link.
	w.Header().Set("Location", link.URL.Reveal())
	w.WriteHeader(http.StatusSeeOther)
}

// ask answers POST of /k/TOKEN/later: the user wants a mail once the partner API
// is back.
func (s *public) ask(w http.ResponseWriter, r *http.Request, token string) {
	if _, ok := formBody(w, r); !ok {
		return
	}
	t, ok := s.ticket(w, r, token)
	if !ok {
		return
	}
	if !t.Alive() {
		s.stand(w, r, t, token)
		return
	}
	switch err := s.Askers.AskLater(r.Context(), pipeline.DigestTicket(token), s.Now()); {
	case err == nil:
		s.pages.show(w, visible{status: http.StatusOK, kind: pageAsked, user: t.User})
	case errors.Is(err, ErrUnknownTicket):
		s.pages.show(w, stranger(http.StatusNotFound, pageUnknown))
	case errors.Is(err, ErrNoTrouble):
		s.stand(w, r, t, token) // with the button
	case pipeline.AsFault(err).Kind == pipeline.Cancel:
		s.noMail(w, r, token)
	default:
		s.fail(w, t, "note that a user wants a mail later", err)
	}
}

// noMail answers for a user whose wish can't be kept, although the page offered it: by
// now the user is done, or gets no mail. Seconds of patience would not help, so the
// page is that of the outage, which offers no mail any more.
func (s *public) noMail(w http.ResponseWriter, r *http.Request, token string) {
	t, ok := s.ticket(w, r, token)
	switch {
	case !ok:
	case t.Alive():
		t.NoMail = true
		s.refuse(w, r, t, token, http.StatusServiceUnavailable, pageDown, retryDown)
	default:
		s.stand(w, r, t, token)
	}
}

// back answers GET of /k/TOKEN/later, for whoever comes again to the page that the
// wish led to.
func (s *public) back(w http.ResponseWriter, r *http.Request, token string) {
	if _, ok := s.ticket(w, r, token); !ok {
		return
	}
	// Relative, since a proxy may have taken the path of the base URL away.
	w.Header().Set("Location", "../"+token)
	w.WriteHeader(http.StatusSeeOther)
}

// ticket returns what the token leads to, or answers that it leads nowhere.
func (s *public) ticket(w http.ResponseWriter, r *http.Request, token string) (t pipeline.Ticket, ok bool) {
	if token == "" {
		s.pages.show(w, stranger(http.StatusNotFound, pageUnknown))
		return t, false
	}
	t, err := s.Tickets.Ticket(r.Context(), pipeline.DigestTicket(token))
	switch {
	case errors.Is(err, ErrUnknownTicket), err == nil && t.User.Status == pipeline.Erased:
		s.pages.show(w, stranger(http.StatusNotFound, pageUnknown))
	case err != nil:
		s.Log.Error("a page for a user could not be made: the ledger does not answer", "error", err)
		s.pages.show(w, stranger(http.StatusInternalServerError, pageBroken))
	default:
		return t, true
	}
	return t, false
}

func (s *public) stand(w http.ResponseWriter, r *http.Request, t pipeline.Ticket, token string) {
	status, kind := standing(t)
	s.pages.show(w, visible{status: status, kind: kind, user: t.User, token: token, below: strings.HasSuffix(r.URL.Path, laterPath)})
}

// standNow answers for a user who was cancelled since the ticket was read: it says
// why.
func (s *public) standNow(w http.ResponseWriter, r *http.Request, token string) {
	t, ok := s.ticket(w, r, token)
	switch {
	case !ok:
	case t.Alive():
		// For a moment, the partner API and the ledger disagree.
		s.refuse(w, r, t, token, http.StatusServiceUnavailable, pageBusy, retryBusy)
	default:
		s.stand(w, r, t, token)
	}
}

// turnAway shows why no session was opened, and tells the log.
func (s *public) turnAway(w http.ResponseWriter, r *http.Request, t pipeline.Ticket, token string, err error) {
	status, kind, after := refused(err)
	switch kind {
	case "":
		s.standNow(w, r, token)
		return
	case pageUnknown:
		s.pages.show(w, stranger(status, kind))
		return
	case pageBroken:
		s.fail(w, t, "open a verification", err)
		return
	case pageDown, pageFault:
		f := pipeline.AsFault(err)
		s.Log.Warn("a user who asked for the verification got none", "user", t.User.ID, "kind", f.Kind.String(), "code", f.Code, "reason", f.Reason)
	}
	s.refuse(w, r, t, token, status, kind, after)
}

func (s *public) refuse(w http.ResponseWriter, r *http.Request, t pipeline.Ticket, token string, status int, kind pageKind, after time.Duration) {
	v := visible{status: status, kind: kind, user: t.User, token: token, below: strings.HasSuffix(r.URL.Path, laterPath), noMail: t.NoMail}
	if after > 0 {
		seconds := (after + time.Second - 1) / time.Second
		w.Header().Set("Retry-After", strconv.Itoa(int(seconds)))
		// Words name a minute; the one before it would be too early.
		v.when = s.Now().Add(after + time.Minute - time.Nanosecond).Truncate(time.Minute)
	}
	s.pages.show(w, v)
}

// fail answers for a fault of alta's own.
func (s *public) fail(w http.ResponseWriter, t pipeline.Ticket, what string, err error) {
	s.Log.Error("a user was shown that alta failed", "user", t.User.ID, "to", what, "error", err)
	s.pages.show(w, visible{status: http.StatusInternalServerError, kind: pageBroken, user: t.User})
}

// turn counts that a user asked and got nothing.
func (s *public) turn(t pipeline.Ticket) { s.Visits.Count(t.LinkID, pipeline.Turned, s.Now()) }

// unhurry lifts the server's limits for this request, the body of which is read:
// the partner API may take longer than they allow, and has a limit of its own. The
// limit on reading would end the request's context besides.
func (s *public) unhurry(w http.ResponseWriter) {
	c := http.NewResponseController(w)
	if err := errors.Join(c.SetReadDeadline(time.Time{}), c.SetWriteDeadline(time.Time{})); err != nil {
		s.Log.Warn("the limits of a request can't be lifted; a slow partner API may cut its answer", "error", err)
	}
}

// formBody reads the body of a form, or answers why not.
func formBody(w http.ResponseWriter, r *http.Request) (body []byte, ok bool) {
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, mostBody))
	if err == nil {
		return body, true
	}
	status := http.StatusBadRequest
	if _, tooLarge := errors.AsType[*http.MaxBytesError](err); tooLarge {
		status = http.StatusRequestEntityTooLarge
	}
	plain(w, status, "No pudimos leer lo que envió el navegador. Abra otra vez el enlace de su correo.")
	return nil, false
}
