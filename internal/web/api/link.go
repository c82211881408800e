package api

import (
	"context"
	"net/http"
	"time"

	"alta/pipeline"
)

// Opener opens a verification for a user who waits before a partner's screen.
type Opener interface {
	// Open returns the user's link, fresh or not, and notes who has it now. Errors that
	// a client can mend are [*Problem].
	Open(ctx context.Context, user string, by By) (pipeline.Link, error)
}

// link is the only place where a link leaves by the API. It is kept nowhere else.
func (a *api) link(c call) (answer, error) {
	if q := readQuery(c.r.URL.RawQuery); q.err != nil {
		return answer{}, q.err
	}
	asked := struct {
		Reason string `json:"reason"`
	}{}
	if len(c.body) > 0 {
		var err error
		if asked, err = decode[struct {
			Reason string `json:"reason"`
		}](c.body); err != nil {
			return answer{}, err
		}
	}
	if asked.Reason != "" {
		if err := checkReason(asked.Reason); err != nil {
			return answer{}, err
		}
	}
	l, err := a.Opener.Open(c.ctx, c.r.PathValue("id"), By{c.token, asked.Reason})
	if err != nil {
		return answer{}, err
	}
	return answer{status: http.StatusCreated, secret: true, body: struct {
		URL       string    `json:"url"`
		ExpiresAt time.Time `json:"expires_at"`
	}{l.URL.Reveal(), l.ExpiresAt.UTC()}}, nil
}
