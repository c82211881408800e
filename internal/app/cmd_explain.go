package app

import (
	"context"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"alta/pipeline"
)

func (a *app) explainCommand() *cobra.Command {
	var asJSON bool
	c := &cobra.Command{
		Use:   "explain USER",
		Short: "What a user got, what comes next and when, or why nothing does",
		Long: `explain tells one user's story in plain words: what was sent and what the mail
server said, what comes next and when, or why nothing does. USER is an id, an
external id or an e-mail address. Times are on the user's own clock.`,
		Example: `  alta explain ana@example.mx
  alta explain 8f14e45f-ceea-467f-a0e6-0d1f4b1a9b1e --json`,
		Args: cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			return a.withLedger(c.Context(), func(s ledger) error {
				return a.explain(c.Context(), s, args[0], asJSON)
			})
		},
	}
	c.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return c
}

func (a *app) explain(ctx context.Context, s ledger, ref string, asJSON bool) error {
	x, err := readExplanation(ctx, s, ref)
	if err != nil {
		return err
	}
	outlook := x.outlook(a.config.Plan.Plan(), a.now())
	if asJSON {
		return a.printJSON(explainOut(x, outlook))
	}
	u := x.user.User
	fmt.Fprintf(a.out, "%s <%s>\n%s, %s, %s, %s\n\n", u.Name, u.Email, u.ID, u.Country, u.TimeZone, u.Status)
	for _, line := range x.story() {
		fmt.Fprintln(a.out, line)
	}
	fmt.Fprintf(a.out, "\nNext: %s\n", outlook)
	return nil
}

func readExplanation(ctx context.Context, s ledger, ref string) (x explanation, err error) {
	if x.user, err = s.Find(ctx, ref); err != nil {
		return x, err
	}
	if x.deliveries, err = s.Deliveries(ctx, x.user.User.ID); err != nil {
		return x, err
	}
	if x.pauses, err = s.Pauses(ctx); err != nil {
		return x, err
	}
	if x.idle, err = s.idle(ctx); err != nil {
		return x, err
	}
	if x.visits, err = s.Visits(ctx, x.user.User.ID); err != nil {
		return x, err
	}
	if x.sessions, err = s.SessionsOf(ctx, x.user.User.ID); err != nil {
		return x, err
	}
	if x.news, err = s.NewsOf(ctx, x.user.User.ID); err != nil {
		return x, err
	}
	x.audit, err = s.Audit(ctx, x.user.User.ID)
	return x, err
}

type explainJSON struct {
	User       userJSON       `json:"user"`
	Deliveries []deliveryJSON `json:"deliveries"`
	Audit      []auditJSON    `json:"audit"`
	Visits     []visitJSON    `json:"visits"` // of lasting links
	Sessions   []sessionJSON  `json:"sessions"`
	News       []newsJSON     `json:"news"` // what the partner told
	Next       *nextJSON      `json:"next"` // null when nothing comes
	Outlook    string         `json:"outlook"`
}

type deliveryJSON struct {
	ID        int64          `json:"id"`
	Step      pipeline.Step  `json:"step"`
	Round     int            `json:"round"`
	State     pipeline.State `json:"state"`
	DueAt     *time.Time     `json:"due_at"`
	Operator  bool           `json:"operator"`
	Code      string         `json:"code"`
	Reason    string         `json:"reason"`
	MessageID string         `json:"message_id"`
	Receipt   string         `json:"receipt"`
	UpdatedAt *time.Time     `json:"updated_at"`
	IssuedAt  *time.Time     `json:"link_issued_at"`
	ExpiresAt *time.Time     `json:"link_expires_at"`
	Attempts  []attemptJSON  `json:"attempts"`
}

type attemptJSON struct {
	At      *time.Time       `json:"at"`
	Outcome pipeline.Outcome `json:"outcome"`
	Code    string           `json:"code"`
	Reason  string           `json:"reason"`
	Reply   string           `json:"reply"`
}

type auditJSON struct {
	At     *time.Time `json:"at"`
	Actor  string     `json:"actor"`
	Action string     `json:"action"`
	Detail string     `json:"detail"`
}

type nextJSON struct {
	Step  pipeline.Step  `json:"step"`
	Round int            `json:"round"`
	State pipeline.State `json:"state"`
	DueAt *time.Time     `json:"due_at"`
}

func explainOut(x explanation, outlook string) explainJSON {
	out := explainJSON{
		User: userOut(x.user), Deliveries: []deliveryJSON{}, Audit: []auditJSON{},
		Visits: x.visitsOut(), Sessions: x.sessionsOut(), News: x.newsOut(), Outlook: outlook,
	}
	for _, d := range x.deliveries {
		j := deliveryJSON{
			ID: d.ID, Step: d.Step, Round: d.Round, State: d.State, DueAt: utc(d.DueAt), Operator: d.Operator,
			Code: d.Code, Reason: d.Reason, MessageID: d.MessageID, Receipt: d.Receipt, UpdatedAt: utc(d.UpdatedAt),
			IssuedAt: utc(d.Link.IssuedAt), ExpiresAt: utc(d.Link.ExpiresAt), Attempts: []attemptJSON{},
		}
		for _, t := range d.Attempts {
			j.Attempts = append(j.Attempts, attemptJSON{utc(t.At), t.Outcome, t.Code, t.Reason, t.Reply})
		}
		out.Deliveries = append(out.Deliveries, j)
	}
	for _, e := range x.audit {
		out.Audit = append(out.Audit, auditJSON{utc(e.At), e.Actor, e.Action, e.Detail})
	}
	if d, ok := x.open(); ok {
		out.Next = &nextJSON{d.Step, d.Round, d.State, utc(d.DueAt)}
	}
	return out
}
