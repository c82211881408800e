package capa

import (
	"cmp"
	"fmt"
	"strings"
	"time"

	"alta/pipeline"
)

const (
	notFoundDelay = 15 * time.Minute // a user may be younger than the API's copy
	adviceKey     = "put the right key into capa.api_key_file or ALTA_CAPA_API_KEY and run 'alta doctor'"
)

// finding is what one answer means by itself, and what it means once its
// causes have become a streak.
type finding struct {
	fault  pipeline.Fault
	causes []cause

	// freeOnce makes the Retry free for a user who had not been counted yet.
	freeOnce bool

	// outage is the reason once a streak is full; outageCode is "" to keep the
	// fault's own.
	outage, outageCode string
}

// settle notes the finding in the streaks and returns the fault to report.
func (f finding) settle(s *streaks, user string) *pipeline.Fault {
	fault := f.fault
	if len(f.causes) == 0 {
		return &fault
	}
	known, full := s.fail(user, f.causes...)
	if full {
		return &pipeline.Fault{
			Kind: pipeline.Outage, Code: cmp.Or(f.outageCode, fault.Code), Reason: f.outage,
			Doubtful: fault.Doubtful, Err: fault.Err,
		}
	}
	if f.freeOnce {
		fault.Free, fault.FreeOnce = !known, true
	}
	return &fault
}

// judge says what an answer other than 2xx and 429 means for the user. It is
// pure; key must not be quoted.
func judge(a answer, u pipeline.User, key string) finding {
	e := parseError(a.body)
	switch {
	case a.status == 403:
		return just(pipeline.Outage, "partner_flow",
			"the partner API answered 403: the partner account may not use this flow; ask Capa to check the account's set-up")
	case a.status == 408 || a.status >= 500:
		return finding{
			fault: pipeline.Fault{
				Kind: pipeline.Retry, Code: "capa.server_error", Doubtful: mayHaveMinted(a.status, e),
				Reason: fmt.Sprintf("the partner API answered %d%s; it is tried again later, and there is nothing to do unless it goes on", a.status, said(e, key)),
			},
			causes: []cause{trouble},
			outage: fmt.Sprintf("the partner API failed for %d users in a row, lately with %d; check its status page or ask Capa", maxTrouble, a.status),
		}
	case isRedirect(a.status):
		return redirected(a.status)
	case a.cut:
		// From here on the status alone does not say what is meant.
		return judgeCut(a.status)
	case a.status == 400:
		return judgeInput(e, u, key)
	case a.status == 401:
		return judgeUnauthorized(e, key)
	case a.status == 404:
		return judgeNotFound(e)
	}
	return judgeRefused(a.status, e, key)
}

// mayHaveMinted tells whether a server failed in a way that leaves open whether
// it had opened a session before. The documented 500 says that it had not, and a
// server that answers 408 or 503 did not handle the request (RFC 9110, sections
// 15.5.9 and 15.6.4); a gateway that answers 502 or 504 had passed it on.
func mayHaveMinted(status int, e apiError) bool {
	return status >= 500 && status != 503 && e.message != "failed to create verification link"
}

// judgeCut is an error answer whose text was lost. No session was opened.
func judgeCut(status int) finding {
	return finding{
		fault: pipeline.Fault{
			Kind: pipeline.Retry, Code: "capa.cut",
			Reason: fmt.Sprintf("the partner API answered %d and ended the connection before it said why; it is tried again later", status),
		},
		causes: []cause{trouble},
		outage: fmt.Sprintf("the partner API failed for %d users in a row, lately with %d and an answer that broke off; check its status page, and any proxy on the way", maxTrouble, status),
	}
}

// judgeRefused is a 4xx that nobody documented. It may be about the user, who
// must not be tried for ever, or about all of them.
func judgeRefused(status int, e apiError, key string) finding {
	return finding{
		fault: pipeline.Fault{
			Kind: pipeline.Hold, Code: "capa.refused",
			Reason: fmt.Sprintf("the partner API answered %d%s, which is not documented; ask Capa what it means for this user, then release the mail with 'alta resend'", status, said(e, key)),
		},
		causes: []cause{refused},
		outage: fmt.Sprintf("the partner API refused %d users in a row for reasons that are not documented, lately with %d%s, so it is hardly the users; check capa.base_url, and ask Capa what it means", maxRefused, status, said(e, key)),
	}
}

func judgeInput(e apiError, u pipeline.User, key string) finding {
	switch {
	case e.is("INVALID_USER_INPUT_ERROR", e.message == "invalid user input"):
		return finding{
			fault: pipeline.Fault{
				Kind: pipeline.Fail, Code: "capa.invalid_input",
				Reason: "the partner API refused the request for this user as invalid input; check the user's data at Capa, then use 'alta resend'",
			},
			causes: []cause{invalidInput},
			outage: fmt.Sprintf("the partner API refused %d of the last %d users as invalid input, so it is hardly their data; check capa.redirect_uri, then the users' data at Capa", maxInvalid, inputWindow),
		}
	case e.is("INVALID_VERIFICATION_TYPE_FOR_USER", strings.Contains(e.message, "users can only request")):
		was, want := "a business (KYB)", "INDIVIDUAL"
		if u.Type != pipeline.Business {
			was, want = "a person (KYC)", "BUSINESS"
		}
		return just(pipeline.Fail, "wrong_type", fmt.Sprintf(
			"the partner API does not verify this user as %s; import the user again with type %s, then use 'alta resend'", was, want))
	case e.is("KYC_TEMPLATE_NOT_CONFIGURED_ERROR", strings.HasPrefix(e.message, "kyc template not configured for")):
		f := just(pipeline.Hold, "no_template", fmt.Sprintf(
			"Capa has no verification template for %s on this partner account; ask Capa to set one up, and mails to that country go on by themselves within an hour", u.Country))
		f.fault.Country = u.Country
		return f
	}
	return judgeRefused(400, e, key)
}

func judgeUnauthorized(e apiError, key string) finding {
	if e.code == "UNAUTHORIZED" || !isDocumented(e.code) {
		switch e.message {
		case "api key is missing", "invalid api key format", "invalid api key":
			return just(pipeline.Outage, "key_refused", fmt.Sprintf("the partner API refused the API key (%s); %s", e.message, adviceKey))
		case "partner information is required for this operation":
			return just(pipeline.Outage, "partner_info",
				"the partner API does not know which partner the API key belongs to; "+adviceKey+", or ask Capa")
		case notAssociated:
			return finding{
				fault: pipeline.Fault{
					Kind: pipeline.Fail, Code: "capa.not_associated",
					Reason: "the partner API says that this user is not associated with the partner; check the user's id and import it again, then use 'alta resend'",
				},
				causes: []cause{strangers},
				outage: fmt.Sprintf("the partner API says of %d users in a row that they are not associated with the partner; check that the API key belongs to the partner and the environment of these users", maxStrangers),
			}
		}
	}
	return finding{
		fault: pipeline.Fault{
			Kind: pipeline.Retry, Code: "capa.unauthorized",
			Reason: fmt.Sprintf("the partner API answered 401%s, which is not documented; it is tried again later, and a second such user stops the run", said(e, key)),
		},
		causes:   []cause{unauthorized},
		freeOnce: true,
		outage: fmt.Sprintf("the partner API answered 401%s for %d users in a row, so it is hardly the users; %s",
			said(e, key), maxUnauthorized, adviceKey),
	}
}

// notAssociated is the normalised text of the one documented 401 that is about
// the user.
const notAssociated = "user is not associated with the partner"

// judgeNotFound puts the user off once. A 404 that lacks the documented code
// and text may come from a wrong base URL, where it would fail every user, so
// it counts as trouble too.
func judgeNotFound(e apiError) finding {
	f := just(pipeline.Retry, "not_found",
		"the partner API does not know this user, which may be so within 15 minutes of the user's creation; if it stays so, check the user's id")
	f.fault.After, f.fault.Once = notFoundDelay, true
	if !e.is("NOT_FOUND_ERROR", e.message == "requested user was not found") {
		f.fault.Reason = "the partner API answered 404 without saying that the user is unknown: check the user's id, and capa.base_url"
		f.causes = []cause{trouble}
		f.fault.Code = "capa.wrong_address" // as the outage's, by which a probe is recognized
		f.outage = fmt.Sprintf("%d users in a row got no answer of the partner API but failures, lately a 404 that it does not document; check capa.base_url", maxTrouble)
	}
	return f
}

// throttled is a Retry that costs nothing while the pause is short enough to
// wait for it.
func throttled(pause time.Duration) finding {
	f := just(pipeline.Retry, "throttled", fmt.Sprintf(
		"the partner API asked for a pause of %s; minting goes on by itself after it, and a lower capa.rate avoids it", pause.Round(time.Second)))
	f.fault.Free, f.fault.After = true, pause
	if pause > maxWait {
		f.fault.Kind, f.fault.Free = pipeline.Outage, false
	}
	return f
}

// throttledInVain is a shared limit that waiting does not get past. It is an
// outage, so that the run ends and somebody hears of it; the next one probes.
func throttledInVain(pause time.Duration) finding {
	f := just(pipeline.Outage, "throttled", fmt.Sprintf(
		"the partner API asked for %d pauses in a row and took no request between them; lower capa.rate, or ask Capa what the limit is", maxPauses))
	f.fault.After = pause
	return f
}

func redirected(status int) finding {
	return just(pipeline.Outage, "redirected", fmt.Sprintf(
		"the partner API answered with a redirect (%d), which is never followed because it would carry the API key elsewhere; check capa.base_url", status))
}

// noLink is a 2xx that opened a session, perhaps, and brought no link.
func noLink(problem string) finding {
	return finding{
		fault: pipeline.Fault{
			Kind: pipeline.Retry, Code: "capa.no_link", Doubtful: true,
			Reason: "the partner API reported success without a usable link (" + problem + "); it is tried again later",
		},
		causes: []cause{linkless, trouble},
		outage: "the partner API keeps reporting success without a usable link (" + problem + "); check capa.base_url, and ask Capa whether the answer changed",
	}
}

func badLink(problem string) finding {
	f := just(pipeline.Outage, "bad_link",
		"the partner API returned a link that must not be mailed ("+problem+"); make sure that capa.base_url is right and ask Capa before you change capa.link_hosts")
	f.fault.Doubtful = true
	return f
}

func just(kind pipeline.Kind, code, reason string) finding {
	return finding{fault: pipeline.Fault{Kind: kind, Code: "capa." + code, Reason: reason}}
}

// is matches the documented code. An answer without a documented code is
// matched by its text; with the status, which the caller has matched, that
// makes two.
func (e apiError) is(code string, text bool) bool {
	return e.code == code || !isDocumented(e.code) && text
}

// said quotes what is safe to show of an answer's code and message.
func said(e apiError, key string) string {
	var parts []string
	if e.code != "" && (key == "" || !strings.Contains(e.code, foldCode(key))) {
		parts = append(parts, e.code)
	}
	if text := quotable(e.message); text != "" {
		parts = append(parts, text)
	}
	if len(parts) == 0 {
		return ""
	}
	return " (" + strings.Join(parts, ": ") + ")"
}
