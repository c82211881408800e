package api

import (
	"context"
	"net/http"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"alta/pipeline"
)

// Fields is a user as a request has it, not checked.
type Fields struct {
	ID         string `json:"id"`
	Email      string `json:"email"`
	Name       string `json:"name"`
	Country    string `json:"country"`
	ExternalID string `json:"external_id"`
	Locale     string `json:"locale"`
	TimeZone   string `json:"time_zone"`
	Type       string `json:"type"`
	Status     string `json:"status"`
}

// FieldProblem says what is wrong with one field of a user.
type FieldProblem struct {
	Field  string `json:"field"`
	Reason string `json:"reason"`
}

// Enrolled says what became of one user of a request.
type Enrolled struct {
	ID       string         `json:"id"`
	Result   string         `json:"result"`             // added, updated, unchanged, erased or refused
	Mail     string         `json:"mail,omitempty"`     // with an invite now: queued, or why not
	Problems []FieldProblem `json:"problems,omitempty"` // with refused
}

// Refused is the result of a user who is not taken in.
const Refused = "refused"

// User is a user as it is shown; it is what 'alta users show --json' prints.
type User struct {
	ID         string            `json:"id"`
	ExternalID string            `json:"external_id"`
	Email      string            `json:"email"`
	Name       string            `json:"name"`
	Country    pipeline.Country  `json:"country"`
	Locale     pipeline.Locale   `json:"locale"`
	TimeZone   string            `json:"time_zone"`
	Type       pipeline.UserType `json:"type"`
	Status     pipeline.Status   `json:"status"`
	Mails      int               `json:"mails"`
	InvitedAt  *time.Time        `json:"invited_at"`
	LastMailAt *time.Time        `json:"last_mail_at"`
	LinkUntil  *time.Time        `json:"link_expires_at"`
	OpenedAt   *time.Time        `json:"opened_at"`   // when a person first opened a lasting link
	VerifiedAt *time.Time        `json:"verified_at"` // when the user last became verified
	Withdrawn  bool              `json:"withdrawn"`
	AddressBad bool              `json:"address_bad"`
	CreatedAt  *time.Time        `json:"created_at"`
	UpdatedAt  *time.Time        `json:"updated_at"`
}

// Search is which users to show. Email and ExternalID are exact, Text is how an id, an
// address or a name begins.
type Search struct {
	Country    pipeline.Country
	Status     pipeline.Status
	Email      string
	ExternalID string
	Text       string
	After      string
	Limit      int
}

// Marked is what a mark or an erasure comes to. It names the user by the id alone:
// answers to acts are kept for a day, and an erasure must not leave anything.
type Marked struct {
	ID     string          `json:"id"`
	Was    pipeline.Status `json:"was"`
	Status pipeline.Status `json:"status"`
}

// By is who acts, and why.
type By struct {
	Token  string
	Reason string
}

// People is the users. Errors that a client can mend are [*Problem].
type People interface {
	// Check validates and normalizes one user, as an import does.
	Check(f Fields) (pipeline.User, []FieldProblem)
	// Enrol takes the users in. With invite, those who have had no mail get theirs at
	// once, at any hour. It returns what became of each, in their order.
	Enrol(ctx context.Context, users []pipeline.User, invite bool, by By) ([]Enrolled, error)
	// Users returns a page and where the next one begins, "" behind the last.
	Users(ctx context.Context, s Search) (page []User, next string, err error)
	User(ctx context.Context, id string) (User, error)
	Mark(ctx context.Context, id string, status pipeline.Status, by By) (Marked, error)
	Erase(ctx context.Context, id string, by By) (Marked, error)
}

// MostUsers bounds how many users one request takes in.
const MostUsers = 1000

const (
	usualPage = 50
	mostPage  = 200
)

type enrolment struct {
	Users  []Fields `json:"users"`
	Invite string   `json:"invite"`
}

// enrol takes the good ones in. A request without a good one is refused as a whole.
func (a *api) enrol(c call) (answer, error) {
	if q := readQuery(c.r.URL.RawQuery); q.err != nil {
		return answer{}, q.err
	}
	asked, err := decode[enrolment](c.body)
	if err != nil {
		return answer{}, err
	}
	switch n := len(asked.Users); {
	case n == 0:
		return answer{}, Refuse(Invalid, "users is empty; it must hold 1 to %d users.", MostUsers)
	case n > MostUsers:
		return answer{}, Refuse(Invalid, "users holds %d users; at most %d are taken at once.", n, MostUsers)
	case asked.Invite != "" && asked.Invite != "now" && asked.Invite != "plan":
		return answer{}, Refuse(Invalid, `invite must be "now", for a first mail at once, or "plan", for one when the plan says.`)
	}
	results := make([]Enrolled, len(asked.Users))
	var good []pipeline.User
	var places []int
	seen := map[string]bool{}
	for i, f := range asked.Users {
		u, problems := a.People.Check(f)
		if len(problems) == 0 && seen[u.ID] {
			problems = []FieldProblem{{"id", "stands twice in this request"}}
		}
		if len(problems) > 0 {
			results[i] = Enrolled{ID: strings.ToValidUTF8(f.ID, ""), Result: Refused, Problems: problems}
			continue
		}
		seen[u.ID] = true
		good, places = append(good, u), append(places, i)
	}
	if len(good) == 0 {
		return answer{}, refuseAll(results)
	}
	done, err := a.People.Enrol(c.ctx, good, asked.Invite == "now", By{Token: c.token})
	if err != nil {
		return answer{}, err
	}
	taken := 0
	for i, d := range done {
		results[places[i]] = d
		if d.Result != Refused {
			taken++
		}
	}
	if taken == 0 {
		return answer{}, refuseAll(results)
	}
	return answer{status: http.StatusOK, body: struct {
		Results []Enrolled `json:"results"`
	}{results}}, nil
}

func refuseAll(results []Enrolled) *Problem {
	p := Refuse(Invalid, "No user can be taken in; results says what is wrong with each.")
	p.Results = results
	return p
}

func (a *api) users(c call) (answer, error) {
	q := readQuery(c.r.URL.RawQuery, "country", "status", "email", "external_id", "q", "limit", "cursor")
	s := Search{
		Country: oneOf(q, "country", []pipeline.Country{pipeline.MX, pipeline.DO}),
		Status:  oneOf(q, "status", pipeline.Statuses()),
		Email:   q.text("email"), ExternalID: q.text("external_id"), Text: q.text("q"),
		After: q.text("cursor"), Limit: q.number("limit", usualPage, mostPage),
	}
	if s.Text != "" && (s.Email != "" || s.ExternalID != "") {
		q.refuse("q looks for a beginning, email and external_id are exact; give either q or those.")
	}
	if q.err != nil {
		return answer{}, q.err
	}
	page, next, err := a.People.Users(c.ctx, s)
	if err != nil {
		return answer{}, err
	}
	return ok(struct {
		Users []User  `json:"users"`
		Next  *string `json:"next"`
	}{some(page), nullable(next)}), nil
}

func (a *api) user(c call) (answer, error) {
	if q := readQuery(c.r.URL.RawQuery); q.err != nil {
		return answer{}, q.err
	}
	u, err := a.People.User(c.ctx, c.r.PathValue("id"))
	return ok(u), err
}

func (a *api) mark(c call) (answer, error) {
	if q := readQuery(c.r.URL.RawQuery); q.err != nil {
		return answer{}, q.err
	}
	asked, err := decode[struct {
		Status pipeline.Status `json:"status"`
		Reason string          `json:"reason"`
	}](c.body)
	if err != nil {
		return answer{}, err
	}
	if !markable(asked.Status) {
		return answer{}, Refuse(Invalid, "status must be pending, in_review, verified, rejected or opted_out.")
	}
	if err := checkReason(asked.Reason); err != nil {
		return answer{}, err
	}
	m, err := a.People.Mark(c.ctx, c.r.PathValue("id"), asked.Status, By{c.token, asked.Reason})
	return ok(m), err
}

func markable(s pipeline.Status) bool {
	for _, known := range pipeline.Statuses() {
		if s == known {
			return s != pipeline.Erased
		}
	}
	return false
}

// erase takes its reason from the query: much of the software between a client and
// alta drops the body of a DELETE (RFC 9110, section 9.3.5).
func (a *api) erase(c call) (answer, error) {
	q := readQuery(c.r.URL.RawQuery, "reason")
	if q.err != nil {
		return answer{}, q.err
	}
	if len(c.body) > 0 {
		return answer{}, Refuse(Malformed, "DELETE takes no body; give the reason in the query, as ?reason=TEXT.")
	}
	if err := checkReason(q.text("reason")); err != nil {
		return answer{}, err
	}
	m, err := a.People.Erase(c.ctx, c.r.PathValue("id"), By{c.token, q.text("reason")})
	return ok(m), err
}

// longestReason bounds a reason, in characters.
const longestReason = 500

// checkReason accepts one line of text, which the audit log keeps for ever.
func checkReason(reason string) error {
	breaks := func(r rune) bool {
		return unicode.IsControl(r) || unicode.In(r, unicode.Zl, unicode.Zp, unicode.Bidi_Control)
	}
	switch n := utf8.RuneCountInString(reason); {
	case strings.TrimSpace(reason) == "":
		return Refuse(Invalid, "reason is required: the audit log keeps why this was done.")
	case n > longestReason:
		return Refuse(Invalid, "reason has %d characters; at most %d are allowed.", n, longestReason)
	case strings.ContainsFunc(reason, breaks):
		return Refuse(Invalid, "reason must be one line of text.")
	}
	return nil
}

func ok(body any) answer { return answer{status: http.StatusOK, body: body} }

// some is the list, never null.
func some[T any](list []T) []T {
	if list == nil {
		return []T{}
	}
	return list
}

func nullable(s string) *string {
	if s == "" {
		return nil
	}
	return &s
}
