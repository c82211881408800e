package web

import (
	"errors"
	"net/http"
	"time"

	"alta/pipeline"
)

// pageKind names a page, and the words of it in public/*.words.tmpl.
type pageKind string

// The pages.
const (
	pageReady     pageKind = "ready"     // the button
	pageReview    pageKind = "review"    // the button, for one whose data are looked at
	pageVerified  pageKind = "verified"  // done
	pageRejected  pageKind = "rejected"  // done, the other way
	pageOptedOut  pageKind = "opted-out" // the link died when the user opted out
	pageWithdrawn pageKind = "withdrawn" // nothing is owed any more
	pageSpent     pageKind = "spent"     // too many sessions for one day
	pageDown      pageKind = "down"      // the partner API opens none, for reasons of its own
	pageBusy      pageKind = "busy"      // not this moment
	pageFault     pageKind = "fault"     // the partner API opens none for this very user
	pageBroken    pageKind = "broken"    // alta's own fault
	pageUnknown   pageKind = "unknown"   // no such token
	pageForeign   pageKind = "foreign"   // the form of another site
	pageAsked     pageKind = "asked"     // a mail will come
	pageLeave     pageKind = "leave"     // whether to opt out
	pageLeft      pageKind = "left"      // opted out
	pageSettled   pageKind = "settled"   // nothing to opt out of
)

// pageKinds returns every kind.
func pageKinds() []pageKind {
	return []pageKind{
		pageReady, pageReview, pageVerified, pageRejected, pageOptedOut, pageWithdrawn, pageSpent, pageDown, pageBusy,
		pageFault, pageBroken, pageUnknown, pageForeign, pageAsked, pageLeave, pageLeft, pageSettled,
	}
}

// standing returns what the ticket's page shows and its status. A link that died
// is 410 Gone, whatever it died of: it was good once, it is for good no more, and
// a program that follows it needn't come back.
func standing(t pipeline.Ticket) (status int, kind pageKind) {
	switch {
	case t.User.Status == pipeline.Verified:
		return http.StatusGone, pageVerified
	case t.User.Status == pipeline.Rejected:
		return http.StatusGone, pageRejected
	case t.Dead:
		return http.StatusGone, pageOptedOut
	case !t.Alive():
		return http.StatusGone, pageWithdrawn
	case t.User.Status == pipeline.InReview:
		return http.StatusOK, pageReview
	}
	return http.StatusOK, pageReady
}

const (
	retryBusy = 5 * time.Second
	retryDown = time.Minute
)

// refused returns what is shown to a user for whom no session was opened: the
// page, its status, and the least time until the next try. For a [pipeline.Cancel]
// it returns no kind: the ticket, read again, tells why.
//
// A fault of the user's own record is 409 Conflict, "the current state of the
// resource" (RFC 9110, section 15.5.10): nothing is down, so that no 5xx alarms
// whoever watches the proxy, and coming back helps nobody before an operator looked.
func refused(err error) (status int, kind pageKind, after time.Duration) {
	f, classified := errors.AsType[*pipeline.Fault](err)
	switch {
	case errors.Is(err, ErrUnknownTicket):
		return http.StatusNotFound, pageUnknown, 0
	case !classified, f.Code == pipeline.LedgerCode:
		return http.StatusInternalServerError, pageBroken, 0
	case f.Kind == pipeline.Cancel:
		return 0, "", 0
	case f.Code == pipeline.CodeBudget:
		return http.StatusTooManyRequests, pageSpent, max(f.After, time.Second)
	case f.Code == pipeline.CodeWait:
		return http.StatusServiceUnavailable, pageBusy, retryBusy
	case f.Kind == pipeline.Fail, f.Kind == pipeline.Hold && f.Country == "":
		return http.StatusConflict, pageFault, 0
	}
	return http.StatusServiceUnavailable, pageDown, max(f.After, retryDown)
}
