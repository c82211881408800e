package api

import (
	"context"
	"net/http"

	"alta/pipeline"
)

// Wish says whom to mail again: a user by the id, or all that match.
type Wish struct {
	User    string
	Country pipeline.Country
	Expired bool // the link of the latest mail has expired
	Failed  bool // the latest mail failed, or is held
	Doubt   bool // a mail is in doubt
	Force   bool // even within plan.min_gap of the last mail
	Expect  int  // how many there must be; with a user 1
}

// Resent is what was made due.
type Resent struct {
	Queued  []string  `json:"queued"` // user ids
	Refused []Refusal `json:"refused"`
}

// Refusal says why a user is not mailed.
type Refusal struct {
	User   string `json:"user"`
	Reason string `json:"reason"`
}

// Mails makes mails due.
type Mails interface {
	// Resend makes a mail due at once for each user whom the wish means. Where there
	// are not as many as expected it does nothing, and returns a [*Problem].
	Resend(ctx context.Context, w Wish, by By) (Resent, error)
}

// MostResends bounds whom one request mails.
const MostResends = 1000

func (a *api) resendOne(c call) (answer, error) {
	if q := readQuery(c.r.URL.RawQuery); q.err != nil {
		return answer{}, q.err
	}
	asked, err := decode[struct {
		Reason string `json:"reason"`
		Force  bool   `json:"force"`
	}](c.body)
	if err != nil {
		return answer{}, err
	}
	if err := checkReason(asked.Reason); err != nil {
		return answer{}, err
	}
	done, err := a.Mails.Resend(c.ctx, Wish{User: c.r.PathValue("id"), Force: asked.Force, Expect: 1}, By{c.token, asked.Reason})
	if err != nil {
		return answer{}, err
	}
	if len(done.Queued) == 0 && len(done.Refused) > 0 {
		return answer{}, Refuse(Conflict, "Nothing was sent: %s.", done.Refused[0].Reason)
	}
	return accepted(done), nil
}

// resendMany mails all that match, if they are as many as the client expects: what it
// looked at may have changed meanwhile.
func (a *api) resendMany(c call) (answer, error) {
	if q := readQuery(c.r.URL.RawQuery); q.err != nil {
		return answer{}, q.err
	}
	asked, err := decode[struct {
		Country pipeline.Country `json:"country"`
		Expired bool             `json:"expired"`
		Failed  bool             `json:"failed"`
		Doubt   bool             `json:"doubt"`
		Force   bool             `json:"force"`
		Expect  int              `json:"expect"`
		Reason  string           `json:"reason"`
	}](c.body)
	if err != nil {
		return answer{}, err
	}
	switch {
	case asked.Country != "" && asked.Country != pipeline.MX && asked.Country != pipeline.DO:
		return answer{}, Refuse(Invalid, "country must be MX or DO.")
	case asked.Country == "" && !asked.Expired && !asked.Failed && !asked.Doubt:
		return answer{}, Refuse(Invalid, "To whom? Give country, expired, failed or doubt.")
	case asked.Expect < 1 || asked.Expect > MostResends:
		return answer{}, Refuse(Invalid, "expect must be how many users you mean to mail, from 1 to %d; for more, use 'alta resend'.", MostResends)
	}
	if err := checkReason(asked.Reason); err != nil {
		return answer{}, err
	}
	done, err := a.Mails.Resend(c.ctx, Wish{
		Country: asked.Country, Expired: asked.Expired, Failed: asked.Failed, Doubt: asked.Doubt, Force: asked.Force, Expect: asked.Expect,
	}, By{c.token, asked.Reason})
	if err != nil {
		return answer{}, err
	}
	return accepted(done), nil
}

func accepted(r Resent) answer {
	r.Queued, r.Refused = some(r.Queued), some(r.Refused)
	return answer{status: http.StatusAccepted, body: r}
}
