package capa

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/url"

	"alta/pipeline"
)

// maxDetails bounds an answer with details of a user, which has far more in it
// than the one field that is read.
const maxDetails = 1 << 20 // bytes

// verified is the one verificationResult that is documented.
const verified = "VERIFIED"

// Inquire asks where the user stands with the verification (GET
// /api/partner/v2/kyc/details). It returns [pipeline.Verified] for a
// verificationResult of VERIFIED, and "" for every other: no list of them is
// documented, so that nothing can be concluded from one. "" as well is a user of
// whom the API has no details, which a 404 in its own words says, and a
// [pipeline.Business], since there is no such call for those.
//
// It waits as [Client.Issue] does, with which it shares connections, rate and
// pauses, and its error is of the same kind, judged by the same table. It is never
// doubtful, since no session is opened, and no 404 fails a delivery.
// Of the details, which hold documents and a tax number, that one field is read
// and nothing kept.
func (c *Client) Inquire(ctx context.Context, u pipeline.User) (pipeline.Status, error) {
	if fault := checkUser(u); fault != nil {
		return "", fault
	}
	if u.Type == pipeline.Business {
		return "", nil
	}
	a, err := c.ask(ctx, looking, u, c.requests.details(u))
	if err != nil {
		return "", err
	}
	if isSuccess(a.status) {
		status, problem := statusOf(a)
		if problem != "" {
			return "", c.settle(looking, u, noStatus(problem))
		}
		c.looks.succeed()
		return status, nil
	}
	if a.status == http.StatusNotFound && parseError(a.body) != (apiError{}) {
		c.looks.succeed()
		return "", nil
	}
	return "", c.settle(looking, u, judge(a, u, c.cfg.APIKey.Reveal()))
}

// details is the request for the details of the user, whom [checkUser] has passed.
func (r requests) details(u pipeline.User) http.Request {
	req := *r.look()
	target := *req.URL
	target.RawQuery = url.Values{"userId": {u.ID}}.Encode()
	req.URL = &target
	return req
}

// statusOf reads the one field of a 2xx answer. A field of another type, or none,
// is one that says nothing.
func statusOf(a answer) (status pipeline.Status, problem string) {
	if a.oversize {
		return "", "the answer is longer than 1 MiB"
	}
	var details struct {
		Data struct {
			Summary struct {
				Result string `json:"verificationResult"`
			} `json:"aipriseSummary"`
		} `json:"data"`
	}
	err := json.Unmarshal(a.body, &details)
	if _, otherType := errors.AsType[*json.UnmarshalTypeError](err); err != nil && !otherType {
		return "", "the answer is not JSON"
	}
	if details.Data.Summary.Result == verified {
		return pipeline.Verified, ""
	}
	return "", ""
}

// noStatus is a 2xx that is no answer.
func noStatus(problem string) finding {
	return finding{
		fault: pipeline.Fault{
			Kind: pipeline.Retry, Code: "capa.no_status",
			Reason: "the partner API reported success without details of the user (" + problem + "); it is tried again later",
		},
		causes: []cause{linkless, trouble},
		outage: "the partner API keeps reporting success without details of the user (" + problem + "); check capa.base_url, and ask Capa whether the answer changed",
	}
}

// ofLook turns what an answer means for a mint into what it means for a question
// about a user's status: no session was opened, and a user who is not known there
// is no reason to give a mail up. The reason names the setting without which
// nobody would have asked.
func (f finding) ofLook() finding {
	const because = "capa.check_status: "
	f.fault.Doubtful, f.fault.Once = false, false
	f.fault.Reason = because + f.fault.Reason
	if f.outage != "" {
		f.outage = because + f.outage
	}
	return f
}
