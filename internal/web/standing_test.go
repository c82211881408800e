package web

import (
	"errors"
	"fmt"
	"net/http"
	"testing"
	"time"

	"alta/pipeline"
)

func TestStanding(t *testing.T) {
	for _, tt := range []struct {
		sentence   string
		status     pipeline.Status
		gone, dead bool
		code       int
		want       pageKind
	}{
		{"a pending user gets the button", pipeline.Pending, false, false, http.StatusOK, pageReady},
		{"one in review gets it too", pipeline.InReview, false, false, http.StatusOK, pageReview},
		{"one who opted out and was mailed by an operator gets it", pipeline.OptedOut, false, false, http.StatusOK, pageReady},
		{"one who opted out after this mail does not", pipeline.OptedOut, false, true, http.StatusGone, pageOptedOut},
		{"nor with an old mail, once an operator made him pending again", pipeline.Pending, false, true, http.StatusGone, pageOptedOut},
		{"a verified user is done", pipeline.Verified, false, false, http.StatusGone, pageVerified},
		{"which says more than that the mail is dead", pipeline.Verified, true, true, http.StatusGone, pageVerified},
		{"a rejected user is done", pipeline.Rejected, false, true, http.StatusGone, pageRejected},
		{"one whom the source no longer names owes nothing", pipeline.Pending, true, false, http.StatusGone, pageWithdrawn},
		{"and so in review", pipeline.InReview, true, false, http.StatusGone, pageWithdrawn},
	} {
		ticket := pipeline.Ticket{User: pipeline.User{Status: tt.status}, Withdrawn: tt.gone, Dead: tt.dead}
		code, kind := standing(ticket)
		if code != tt.code || kind != tt.want {
			t.Errorf("%s: %d %s, want %d %s", tt.sentence, code, kind, tt.code, tt.want)
		}
		if holds := (&words{kind: kind}).Opens(); holds != ticket.Alive() {
			t.Errorf("%s: the page holds a button: %t, the ticket is alive: %t", tt.sentence, holds, ticket.Alive())
		}
	}
}

func TestRefused(t *testing.T) {
	fault := func(k pipeline.Kind, code string, after time.Duration) *pipeline.Fault {
		return &pipeline.Fault{Kind: k, Code: code, After: after}
	}
	country := fault(pipeline.Hold, "capa.template", 0)
	country.Country = pipeline.DO
	for _, tt := range []struct {
		sentence string
		err      error
		status   int
		kind     pageKind
		after    time.Duration
	}{
		{"the partner API is out", fault(pipeline.Outage, "capa.key", 0), 503, pageDown, retryDown},
		{"it says how long", fault(pipeline.Retry, "capa.busy", 5*time.Minute), 503, pageDown, 5 * time.Minute},
		{"it stumbles", fault(pipeline.Retry, "capa.http_500", time.Second), 503, pageDown, retryDown},
		{"the country is on hold", country, 503, pageDown, retryDown},
		{"the user's record is wrong", fault(pipeline.Fail, "capa.not_found", 0), 409, pageFault, 0},
		{"an operator must look at the user", fault(pipeline.Hold, "capa.http_418", 0), 409, pageFault, 0},
		{"the budget is spent", fault(pipeline.Retry, pipeline.CodeBudget, 3*time.Hour), 429, pageSpent, 3 * time.Hour},
		{"the budget opens this moment", fault(pipeline.Retry, pipeline.CodeBudget, 0), 429, pageSpent, time.Second},
		{"somebody else mints for long", fault(pipeline.Retry, pipeline.CodeWait, 0), 503, pageBusy, retryBusy},
		{"the partner API hangs, and others wait for it", fault(pipeline.Retry, pipeline.CodeNoTurn, 0), 503, pageDown, retryDown},
		{"the user is done meanwhile", fault(pipeline.Cancel, "user_verified", 0), 0, "", 0},
		{"the user was erased meanwhile", fmt.Errorf("start session: %w", ErrUnknownTicket), 404, pageUnknown, 0},
		{"the ledger does not answer", errors.New("disk I/O error"), 500, pageBroken, 0},
		{"the ledger can't be written", fault(pipeline.Outage, pipeline.LedgerCode, 0), 500, pageBroken, 0},
		{"a fault and what became of it", errors.Join(fault(pipeline.Fail, "capa.not_found", 0), errors.New("disk I/O error")), 409, pageFault, 0},
	} {
		if status, kind, after := refused(tt.err); status != tt.status || kind != tt.kind || after != tt.after {
			t.Errorf("%s: %d %q %v, want %d %q %v", tt.sentence, status, kind, after, tt.status, tt.kind, tt.after)
		}
	}
}
