package capa

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"

	"alta/pipeline"
)

// Client calls the partner API. It is safe for concurrent use, and what it
// remembers (streaks of failures, a pause that the API asked for) spans all of
// its users. It satisfies [pipeline.Issuer] and [pipeline.Inquirer].
type Client struct {
	cfg      Config
	local    bool // see [Config.local]
	now      pipeline.Clock
	requests requests
	share    share
	line     *line
	pace     *pace
	gate     gate
	streaks  *streaks // of mints
	looks    *streaks // of questions for a status, which say nothing of mints
}

// New checks the settings and returns a client. It opens no connection.
func New(cfg Config, now pipeline.Clock) (*Client, error) {
	cfg, err := cfg.validate()
	if err != nil {
		return nil, err
	}
	requests, err := newRequests(cfg)
	if err != nil {
		return nil, err
	}
	line := newLine(cfg.Connections)
	line.transport = newTransport(cfg, cfg.Connections)
	return &Client{
		cfg:      cfg,
		local:    cfg.local(),
		now:      now,
		requests: requests,
		share:    share{connections: cfg.Connections, rate: cfg.Rate},
		line:     line,
		pace:     newPace(cfg.Rate),
		gate:     gate{now: now},
		streaks:  newStreaks(),
		looks:    newStreaks(),
	}, nil
}

// Issue mints a link for the user: KYB for a [pipeline.Business], KYC for
// everybody else (POST /api/partner/v2/users/{id}/kyc/verification-link). Its
// error is a [pipeline.Fault], or wraps the context's when ctx ended before
// anything was sent.
//
// It waits while as many calls are under way as Config.Connections, or the
// API's own trouble, allows; for its turn under Config.Rate; and for a pause of
// up to 30 s that the API asked for. Cancelling ctx ends the waits at once; the
// call itself goes on to its end, for at most Config.Timeout. A deadline on ctx
// is a mistake: the limiter refuses at once whoever could not be served in time.
func (c *Client) Issue(ctx context.Context, u pipeline.User) (link pipeline.Secret, err error) {
	if fault := checkUser(u); fault != nil {
		return pipeline.Secret{}, fault
	}
	a, err := c.ask(ctx, minting, u, c.requests.link(u))
	if err != nil {
		return pipeline.Secret{}, err
	}
	if !isSuccess(a.status) {
		return pipeline.Secret{}, c.settle(minting, u, judge(a, u, c.cfg.APIKey.Reveal()))
	}
	url, found, ok := c.linkOf(a, u)
	if !ok {
		return pipeline.Secret{}, c.settle(minting, u, found)
	}
	c.streaks.succeed()
	return pipeline.NewSecret(url), nil
}

// Check tells whether the partner API can be reached and accepts the API key.
// It opens no session: it asks for the status of a user who can't exist (GET
// /api/partner/v2/kyc/details), and any answer that is about that user shows
// that the key is good. Its error is a [pipeline.Fault] of kind Outage, or of
// kind Hold when the answer is hardly the partner API's, or the context's.
func (c *Client) Check(ctx context.Context) error {
	a, lost := c.call(ctx, c.line.current(), *c.requests.look(), maxAnswer)
	if lost != nil {
		return c.unreached(ctx, "check the partner API", lost)
	}
	switch a.status {
	case http.StatusOK:
		var object map[string]json.RawMessage
		if json.Unmarshal(a.body, &object) != nil {
			return unclear(a.status)
		}
		return nil
	case http.StatusBadRequest, http.StatusNotFound:
		if e := parseError(a.body); !isDocumented(e.code) && quotable(e.message) == "" {
			return unclear(a.status)
		}
		return nil
	case http.StatusUnauthorized:
		e := parseError(a.body)
		if e.is("UNAUTHORIZED", true) && e.message == notAssociated {
			return nil
		}
		return outage(keyRefused(e, c.cfg.APIKey.Reveal()))
	case http.StatusForbidden:
		return outage(judge(a, pipeline.User{}, c.cfg.APIKey.Reveal()))
	case http.StatusTooManyRequests:
		return outage(throttled(parseRetryAfter(a.retryAfter, c.now())))
	}
	if isRedirect(a.status) {
		return outage(redirected(a.status))
	}
	return outage(just(pipeline.Outage, "server_error", fmt.Sprintf(
		"the partner API answered %d, so it is not known whether it accepts the API key; try again later, and check capa.base_url", a.status)))
}

// unreached reports a call that is about no user and brought no answer.
func (c *Client) unreached(ctx context.Context, what string, lost *loss) error {
	if errors.Is(ctx.Err(), context.Canceled) {
		return fmt.Errorf("%s: %w", what, ctx.Err())
	}
	found := judgeLoss(lost, looking)
	if !lost.sent {
		found.fault.Reason = "the partner API could not be reached; check capa.base_url and the network"
	}
	return outage(found)
}

// keyRefused is a 401 to a call that is about no user.
func keyRefused(e apiError, key string) finding {
	found := judgeUnauthorized(e, key)
	if found.fault.Kind != pipeline.Outage {
		found.fault.Reason = "the partner API answered 401 to the API key" + said(e, key) + "; " + adviceKey
	}
	return found
}

// unclear is an answer that any web server could give.
func unclear(status int) *pipeline.Fault {
	f := just(pipeline.Hold, "unclear", fmt.Sprintf(
		"something answers %d at capa.base_url, but not in the partner API's words, so it is not known whether it accepts the API key; check capa.base_url", status))
	return &f.fault
}

// Close closes the kept connections. Calls that are under way finish.
func (c *Client) Close() { c.line.current().CloseIdleConnections() }

// linkOf takes the link out of a 2xx answer, or says why it can't be used.
func (c *Client) linkOf(a answer, u pipeline.User) (link string, found finding, ok bool) {
	if a.oversize {
		return "", noLink("the answer is longer than 64 KiB"), false
	}
	link, problem := parseLink(a.body, linkField(u.Type))
	if problem != "" {
		return "", noLink(problem), false
	}
	problem, hostile := checkLink(link, c.cfg.LinkHosts, c.local)
	switch {
	case hostile:
		return "", badLink(problem), false
	case problem != "":
		return "", noLink(problem), false
	}
	return link, finding{}, true
}

// checkUser refuses a user for whom no call can be made.
func checkUser(u pipeline.User) *pipeline.Fault {
	switch {
	case u.ID == "" || u.ID == "." || u.ID == "..":
		// A dot segment would change the path of the call (RFC 3986 section
		// 5.2.4), and escaping does not protect it.
		f := just(pipeline.Fail, "bad_id", "the user's id can't be part of a request; import the user with the id that Capa gave it")
		return &f.fault
	case !supported(u.Country):
		f := just(pipeline.Fail, "bad_country", "the partner API verifies users of MX and DO only; correct the user's country")
		return &f.fault
	}
	return nil
}

// outage reports a finding of a check, which no user pays for.
func outage(f finding) *pipeline.Fault {
	fault := f.fault
	fault.Kind, fault.Free, fault.Doubtful = pipeline.Outage, false, false
	return &fault
}
