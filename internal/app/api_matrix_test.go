package app

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"alta/internal/sandbox"
	"alta/pipeline"
)

// The calls that meet a fault.
const (
	firstCall  = "first"
	thirdCall  = "third"
	everyCall  = "every"
	everyOfOne = "every, for one user"
)

// apiRow is an answer of the partner API, or a failure to get one.
type apiRow struct {
	answer string
	fault  sandbox.APIFault // its User and Call are set by the cell
	cells  []apiCell

	wire    string        // how the network fails instead: "dial", "tls" or "dns"
	timeout time.Duration // capa.timeout; 0 leaves the default
	pause   time.Duration // a 429 asks for it, and the run waits it out by the real clock
}

// apiCell is what becomes of six users, u-00 to u-05, who fall due together and
// are served one after the other; MX and DO take turns.
type apiCell struct {
	calls    string
	attempts string // made by the first run, by their outcomes; for one user by all runs
	states   string // of the deliveries after it
	pause    string // in force after it: code, and when it is probed
	paid     int    // attempts that count towards plan.tries, without those that sent a mail
	doubtful int    // mints that the ledger counts as doubtful
	mails    int    // users who got their mail, and just one, once the fault had gone
}

// TestAPIMatrix plays every answer at the first call, at a later one and at all
// of them. testdata/api_matrix.golden.md is the same table to read.
func TestAPIMatrix(t *testing.T) {
	onEachEngine(t, testAPIMatrix)
}

func testAPIMatrix(t *testing.T) {
	golden(t, "matrix-api.md", apiMatrixMarkdown())
	base := apiBase(t)
	rows := apiMatrix()
	// Some wait by the real clock: they begin first, and more are played at a
	// time than there are cores.
	slices.SortStableFunc(rows, func(x, y apiRow) int { return cmp.Compare(y.waits(), x.waits()) })
	cells := make(chan *apiPlay)
	var players sync.WaitGroup
	for range 6 {
		players.Go(func() {
			for p := range cells {
				t.Run(p.row.answer+"/"+p.want.calls, func(t *testing.T) { p.play(t) })
			}
		})
	}
	for _, row := range rows {
		for _, cell := range row.cells {
			cells <- &apiPlay{base: base, row: row, want: cell}
		}
	}
	close(cells)
	players.Wait()
}

// waits is how long a single call keeps a run waiting.
func (r apiRow) waits() time.Duration { return max(r.pause, r.timeout) }

// apiMatrix is the one table of what every answer does.
func apiMatrix() []apiRow {
	answer := func(a sandbox.APIAnswer) sandbox.APIFault { return sandbox.APIFault{Answer: a} }
	status := func(status int) sandbox.APIFault { return answer(sandbox.APIAnswer{Status: status}) }
	body := func(text string) sandbox.APIFault {
		return answer(sandbox.APIAnswer{Status: 201, Body: text, Opens: true})
	}
	link := func(link string) sandbox.APIFault { return answer(sandbox.APIAnswer{Link: link}) }
	redirect := func(status int) sandbox.APIFault {
		return answer(sandbox.APIAnswer{Status: status, Headers: map[string]string{"Location": "https://elsewhere.example/"}})
	}
	opened := func(a sandbox.APIAnswer) sandbox.APIFault { a.Opens = true; return answer(a) }
	const good = "https://kyc.sandbox.example/session?_al=flat=="
	const kyc = `{"success":true,"data":{"kycLink":"`

	return []apiRow{
		{answer: "201 with a link", fault: answer(sandbox.APIAnswer{Action: sandbox.Late}), cells: []apiCell{{everyCall, "6 sent", "6 sent", "", 0, 0, 6}}},
		{answer: "200 with a link in the flat form", fault: answer(sandbox.APIAnswer{Status: 200, Link: good, Body: `{"kycLink":"` + good + `"}`}), cells: []apiCell{
			{firstCall, "6 sent", "6 sent", "", 0, 0, 6}, {thirdCall, "6 sent", "6 sent", "", 0, 0, 6}}},

		{answer: "401 API Key is missing", fault: answer(sandbox.KeyMissing()), cells: stops("capa.key_refused", 0)},
		{answer: "401 Invalid API Key format", fault: answer(sandbox.KeyFormat()), cells: stops("capa.key_refused", 0)},
		{answer: "401 Invalid API Key", fault: answer(sandbox.KeyInvalid()), cells: stops("capa.key_refused", 0)},
		{answer: "401 Partner information is required for this operation", fault: answer(sandbox.PartnerRequired()), cells: stops("capa.partner_info", 0)},
		{answer: "403 INVALID_PARTNER_FLOW", fault: answer(sandbox.PartnerFlow()), cells: stops("capa.partner_flow", 0)},
		{answer: "403 with another text", fault: answer(sandbox.APIAnswer{Status: 403, Body: "<html>blocked</html>"}), cells: stops("capa.partner_flow", 0)},
		{answer: "401 User is not associated with the partner", fault: answer(sandbox.NotAssociated()), cells: fails("capa.not_associated")},
		{answer: "401 with another text", fault: answer(sandbox.APIAnswer{Status: 401, Code: "UNAUTHORIZED", Message: "Session expired"}), cells: []apiCell{
			{firstCall, "5 sent, 1 retry", "5 sent, 1 due in 1 to 2 min", "", 0, 0, 6},
			{thirdCall, "5 sent, 1 retry", "5 sent, 1 due in 1 to 2 min", "", 0, 0, 6},
			{everyCall, "2 retry", "1 due in 1 to 2 min, 5 due now", "outage capa.unauthorized, probed by the next run", 0, 0, 6},
		}},

		{answer: "400 INVALID_USER_INPUT_ERROR", fault: answer(sandbox.InvalidInput()), cells: fails("capa.invalid_input")},
		{answer: "400 INVALID_VERIFICATION_TYPE_FOR_USER", fault: answer(sandbox.WrongType(pipeline.Business)), cells: []apiCell{
			{firstCall, "5 sent, 1 failed", "5 sent, 1 failed", "", 1, 0, 5},
			{thirdCall, "5 sent, 1 failed", "5 sent, 1 failed", "", 1, 0, 5},
			{everyCall, "6 failed", "6 failed", "", 6, 0, 0},
		}},
		{answer: "400 KYC_TEMPLATE_NOT_CONFIGURED_ERROR for MX", fault: sandbox.APIFault{Country: pipeline.MX, Answer: sandbox.NoTemplate(pipeline.MX)}, cells: []apiCell{
			{firstCall, "3 sent, 1 retry", "3 sent, 3 due now", "MX INDIVIDUAL capa.no_template, probed after 1h0m0s", 0, 0, 6},
			{thirdCall, "4 sent, 1 retry", "4 sent, 2 due now", "MX INDIVIDUAL capa.no_template, probed after 1h0m0s", 0, 0, 6},
			{everyCall, "3 sent, 1 retry", "3 sent, 3 due now", "MX INDIVIDUAL capa.no_template, probed after 1h0m0s", 0, 0, 6},
		}},
		{answer: "400 with a code that nobody documented", fault: answer(sandbox.APIAnswer{Status: 400, Code: "SOMETHING_NEW", Message: "Something new"}), cells: holds()},
		{answer: "400 cut in mid-body", fault: answer(sandbox.APIAnswer{Status: 400, Action: sandbox.CutBody, Code: "SOMETHING_NEW", Message: "Something new"}), cells: puttingOff("capa.cut", 0, 8)},

		{answer: "404 NOT_FOUND_ERROR", fault: answer(sandbox.NotFound()), cells: []apiCell{
			{firstCall, "5 sent, 1 retry", "5 sent, 1 due in 15 min", "", 1, 0, 6},
			{thirdCall, "5 sent, 1 retry", "5 sent, 1 due in 15 min", "", 1, 0, 6},
			{everyCall, "6 retry", "6 due in 15 min", "", 6, 0, 6},
			{everyOfOne, "5 sent, 1 failed, 1 retry", "5 sent, 1 failed", "", 2, 0, 5},
		}},
		{answer: "404 with another text", fault: answer(sandbox.APIAnswer{Status: 404, Body: "Cannot POST"}), cells: []apiCell{
			{firstCall, "5 sent, 1 retry", "5 sent, 1 due in 15 min", "", 1, 0, 6},
			{thirdCall, "5 sent, 1 retry", "5 sent, 1 due in 15 min", "", 1, 0, 6},
			{everyCall, "5 retry", "4 due in 15 min, 2 due now", "outage capa.wrong_address, probed by the next run", 4, 0, 6},
			{everyOfOne, "5 sent, 1 failed, 1 retry", "5 sent, 1 failed", "", 2, 0, 5},
		}},

		{answer: "500 Failed to create verification link", fault: answer(sandbox.ServerError()), cells: puttingOff("capa.server_error", 0, 8)},
		{answer: "500 with another text, and a session opened", fault: opened(sandbox.APIAnswer{Status: 500, Body: `{"statusCode":500,"message":"Internal server error"}`}), cells: puttingOff("capa.server_error", 1, 8)},
		{answer: "408", fault: status(408), cells: puttingOff("capa.server_error", 0, 8)},
		{answer: "502, and a session opened", fault: opened(sandbox.APIAnswer{Status: 502, Body: "<html>"}), cells: puttingOff("capa.server_error", 1, 8)},
		{answer: "503", fault: status(503), cells: puttingOff("capa.server_error", 0, 8)},
		{answer: "504, and a session opened", fault: opened(sandbox.APIAnswer{Status: 504}), cells: puttingOff("capa.server_error", 1, 8)},

		{answer: "429, Retry-After: 1", fault: answer(sandbox.Throttled("1")), pause: time.Second, cells: waits()},
		{answer: "429, Retry-After: a date 2 s ahead", fault: answer(sandbox.Throttled("Mon, 02 Mar 2026 18:00:02 GMT")), pause: 2 * time.Second, cells: waits()},
		{answer: "429, Retry-After: a date in the past", fault: answer(sandbox.Throttled("Mon, 02 Mar 2026 17:00:00 GMT")), pause: time.Second, cells: waits()[:2]},
		{answer: "429, Retry-After: 120", fault: answer(sandbox.Throttled("120")), cells: pauses(2 * time.Minute)},
		{answer: "429, Retry-After: a date 2 min ahead", fault: answer(sandbox.Throttled("Mon, 02 Mar 2026 18:02:00 GMT")), cells: pauses(2 * time.Minute)},
		{answer: "429, Retry-After absent", fault: answer(sandbox.Throttled("")), cells: pauses(time.Minute)},
		{answer: "429, Retry-After: soon", fault: answer(sandbox.Throttled("soon")), cells: pauses(time.Minute)},
		{answer: "429, Retry-After: -5", fault: answer(sandbox.Throttled("-5")), cells: pauses(time.Minute)},
		{answer: "429, Retry-After: 99999999999999999999", fault: answer(sandbox.Throttled("99999999999999999999")), cells: pauses(time.Hour)},
		{answer: "429, Retry-After: a date in 2099", fault: answer(sandbox.Throttled("Fri, 02 Jan 2099 18:00:00 GMT")), cells: pauses(time.Hour)},

		{answer: "no connection: refused", wire: "dial", cells: []apiCell{
			{firstCall, "5 sent, 1 retry", "5 sent, 1 due in 1 to 2 min", "", 0, 0, 6},
			{thirdCall, "5 sent, 1 retry", "5 sent, 1 due in 1 to 2 min", "", 0, 0, 6},
			{everyCall, "5 retry", "4 due in 1 to 2 min, 2 due now", "outage capa.unreachable, probed by the next run", 0, 0, 6},
		}},
		{answer: "no connection: no TLS", wire: "tls", cells: []apiCell{
			{everyCall, "5 retry", "4 due in 1 to 2 min, 2 due now", "outage capa.unreachable, probed by the next run", 0, 0, 6},
		}},
		{answer: "no connection: no such host", wire: "dns", cells: []apiCell{
			{everyCall, "5 retry", "4 due in 1 to 2 min, 2 due now", "outage capa.unreachable, probed by the next run", 0, 0, 6},
		}},
		{answer: "time-out after the request was sent", timeout: time.Second, fault: answer(sandbox.APIAnswer{Action: sandbox.Hang}), cells: puttingOff("capa.timeout", 1, 0)},
		{answer: "time-out after the request was sent, and a session opened", timeout: time.Second, fault: opened(sandbox.APIAnswer{Action: sandbox.Hang}), cells: puttingOff("capa.timeout", 1, 0)},
		{answer: "cut after the request was sent", fault: answer(sandbox.APIAnswer{Action: sandbox.CutOff}), cells: puttingOff("capa.cut", 1, 8)},
		{answer: "cut after the request was sent, and a session opened", fault: opened(sandbox.APIAnswer{Action: sandbox.CutOff}), cells: puttingOff("capa.cut", 1, 8)},
		{answer: "201 cut in mid-body", fault: answer(sandbox.APIAnswer{Action: sandbox.CutBody}), cells: puttingOff("capa.cut", 1, 8)},
		{answer: "500 cut in mid-body, and a session opened", fault: opened(sandbox.APIAnswer{Status: 500, Action: sandbox.CutBody, Code: "X", Message: "Y"}), cells: puttingOff("capa.server_error", 1, 8)},

		{answer: "201 with success:false", fault: body(`{"success":false,"data":{"kycLink":"` + good + `"}}`), cells: linkless()},
		{answer: "201 without a link", fault: body(`{"success":true,"data":{}}`), cells: linkless()},
		{answer: "201 with an empty link", fault: body(kyc + `"}}`), cells: linkless()},
		{answer: "201 with a link that is no URL", fault: body(kyc + `not ready yet"}}`), cells: linkless()},
		{answer: "201 with an empty body", fault: opened(sandbox.APIAnswer{Status: 201}), cells: linkless()},
		{answer: "201 that is no JSON", fault: body("<html>created</html>"), cells: linkless()},
		{answer: "201 over 64 KiB", fault: body(kyc + good + `"}}` + strings.Repeat(" ", 64<<10)), cells: linkless()},

		{answer: "a link that is not https", fault: link("http://kyc.sandbox.example/session?_al=canary-of-a-bad-link"), cells: stops("capa.bad_link", 1)},
		{answer: "a link with another scheme", fault: link("javascript:alert(1)"), cells: stops("capa.bad_link", 1)},
		{answer: "a link whose host is not in link_hosts", fault: link("https://kyc.sandbox.example.hostile.example/session?_al=canary-of-a-bad-link"), cells: stops("capa.bad_link", 1)},
		{answer: "a link with user info", fault: link("https://ana@kyc.sandbox.example/session?_al=canary-of-a-bad-link"), cells: stops("capa.bad_link", 1)},
		{answer: "a link with a port", fault: link("https://kyc.sandbox.example:8443/session?_al=canary-of-a-bad-link"), cells: stops("capa.bad_link", 1)},
		{answer: "a link with control characters", fault: link("https://kyc.sandbox.example/session?_al=canary-of-a-bad-link\r\nBcc: all"), cells: stops("capa.bad_link", 1)},
		{answer: "a link over 2 KiB", fault: link("https://kyc.sandbox.example/session?_al=" + strings.Repeat("x", 2<<10)), cells: stops("capa.bad_link", 1)},

		{answer: "301", fault: redirect(301), cells: stops("capa.redirected", 0)},
		{answer: "302", fault: redirect(302), cells: stops("capa.redirected", 0)},
		{answer: "303", fault: redirect(303), cells: stops("capa.redirected", 0)},
		{answer: "307", fault: redirect(307), cells: stops("capa.redirected", 0)},
		{answer: "308", fault: redirect(308), cells: stops("capa.redirected", 0)},
		{answer: "409", fault: status(409), cells: holds()},
		{answer: "418", fault: status(418), cells: holds()},
		{answer: "422", fault: status(422), cells: holds()},
	}
}

// stops is an outage by one answer: nobody pays, and each answer may be a
// doubtful mint.
func stops(code string, doubtful int) []apiCell {
	pause := "outage " + code + ", probed by the next run"
	return []apiCell{
		{firstCall, "1 retry", "6 due now", pause, 0, doubtful, 6},
		{thirdCall, "2 sent, 1 retry", "2 sent, 4 due now", pause, 0, doubtful, 6},
		{everyCall, "1 retry", "6 due now", pause, 0, doubtful, 6},
	}
}

// fails is a user's own failure, and an outage by the third user.
func fails(code string) []apiCell {
	return []apiCell{
		{firstCall, "5 sent, 1 failed", "5 sent, 1 failed", "", 1, 0, 5},
		{thirdCall, "5 sent, 1 failed", "5 sent, 1 failed", "", 1, 0, 5},
		{everyCall, "2 failed, 1 retry", "2 failed, 4 due now", "outage " + code + ", probed by the next run", 2, 0, 4},
	}
}

// holds leaves a user to the operator, and is an outage by the third user.
func holds() []apiCell {
	return []apiCell{
		{firstCall, "5 sent, 1 held", "5 sent, 1 held", "", 1, 0, 5},
		{thirdCall, "5 sent, 1 held", "5 sent, 1 held", "", 1, 0, 5},
		{everyCall, "1 retry, 2 held", "2 held, 4 due now", "outage capa.refused, probed by the next run", 2, 0, 4},
	}
}

// puttingOff is tried again later, and is an outage by the fifth user. One user
// gives up after so many tries; 0 leaves that out.
func puttingOff(code string, doubtful, tries int) []apiCell {
	cells := []apiCell{
		{firstCall, "5 sent, 1 retry", "5 sent, 1 due in 1 to 2 min", "", 1, doubtful, 6},
		{thirdCall, "5 sent, 1 retry", "5 sent, 1 due in 1 to 2 min", "", 1, doubtful, 6},
		{everyCall, "5 retry", "4 due in 1 to 2 min, 2 due now", "outage " + code + ", probed by the next run", 4, 5 * doubtful, 6},
	}
	if tries > 0 {
		cells = append(cells, apiCell{
			everyOfOne, fmt.Sprintf("5 sent, 1 failed, %d retry", tries-1), "5 sent, 1 failed", "", tries, tries * doubtful, 5,
		})
	}
	return cells
}

// linkless is tried again later, and is an outage by the third user.
func linkless() []apiCell {
	return []apiCell{
		{firstCall, "5 sent, 1 retry", "5 sent, 1 due in 1 to 2 min", "", 1, 1, 6},
		{thirdCall, "5 sent, 1 retry", "5 sent, 1 due in 1 to 2 min", "", 1, 1, 6},
		{everyCall, "3 retry", "2 due in 1 to 2 min, 4 due now", "outage capa.no_link, probed by the next run", 2, 3, 6},
		{everyOfOne, "5 sent, 1 failed, 7 retry", "5 sent, 1 failed", "", 8, 8, 5},
	}
}

// waits is a pause that the run waits out, and an outage by the fifth in a row.
func waits() []apiCell {
	return []apiCell{
		{firstCall, "6 sent, 1 retry", "6 sent", "", 0, 0, 6},
		{thirdCall, "6 sent, 1 retry", "6 sent", "", 0, 0, 6},
		{everyCall, "5 retry", "4 due in seconds, 2 due now", "outage capa.throttled, probed after 1s", 0, 0, 6},
	}
}

// pauses is a pause too long to wait for.
func pauses(length time.Duration) []apiCell {
	pause := "outage capa.throttled, probed after " + length.String()
	return []apiCell{
		{firstCall, "1 retry", "6 due now", pause, 0, 0, 6},
		{thirdCall, "2 sent, 1 retry", "2 sent, 4 due now", pause, 0, 0, 6},
		{everyCall, "1 retry", "6 due now", pause, 0, 0, 6},
	}
}

// apiMatrixMarkdown is the table to read.
func apiMatrixMarkdown() string {
	var b strings.Builder
	b.WriteString("# The partner API: every answer, and what becomes of six users\n\n" +
		"Written by `go test ./internal/app -run TestAPIMatrix -update`, which plays every line. Six users fall due together and are served one\n" +
		"after the other, MX and DO in turn. *Attempts*, *states* and what follows are those after the run that met the fault (for one\n" +
		"user: after all runs). *Paid* counts attempts towards `plan.tries` that sent no mail. *Mails in the end* are the users who had got their\n" +
		"mail once the fault was gone, each exactly one, with a link minted for that user.\n\n" +
		"| answer | calls | attempts | states | outage or pause | paid | doubtful mints | mails in the end |\n" +
		"|---|---|---|---|---|---:|---:|---:|\n")
	for _, row := range apiMatrix() {
		for _, c := range row.cells {
			pause := c.pause
			if pause == "" {
				pause = "none"
			}
			fmt.Fprintf(&b, "| %s | %s | %s | %s | %s | %d | %d | %d of 6 |\n",
				row.answer, c.calls, c.attempts, c.states, pause, c.paid, c.doubtful, c.mails)
		}
	}
	return b.String()
}
