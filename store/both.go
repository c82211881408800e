package store

import (
	"cmp"
	"errors"
	"fmt"
	"strings"
	"time"

	"alta/pipeline"
)

// This file is what both engines decide alike, whatever their SQL looks like.

// UserRow is a user as the ledger keeps it, comparable to see what changed.
type UserRow struct {
	pipeline.User
	History    pipeline.History
	Sourced    bool
	Withdrawn  bool
	AddressBad bool
}

// Wanted mirrors the column of the same name: whether mail may go out at all.
func (r UserRow) Wanted() bool {
	return r.Status == pipeline.Pending && !r.Withdrawn && !r.AddressBad
}

// MayMail tells whether a mail may go out: one that an operator asked for also to a
// user who opted out.
func (r UserRow) MayMail(operator bool) bool {
	return r.Wanted() || operator && r.Status == pipeline.OptedOut && !r.Withdrawn && !r.AddressBad
}

// Merge is the row after news of the user arrived.
func Merge(old UserRow, news pipeline.User, from Origin) UserRow {
	row := old
	row.Email, row.Name, row.Country = news.Email, news.Name, news.Country
	row.ExternalID = cmp.Or(news.ExternalID, old.ExternalID)
	row.Type = cmp.Or(news.Type, old.Type)
	if news.Country != old.Country {
		// What the old country's default filled in does not follow the user.
		row.Locale, row.TimeZone = pipeline.DefaultLocale(news.Country), pipeline.DefaultTimeZone(news.Country)
	}
	row.Locale = cmp.Or(news.Locale, row.Locale)
	row.TimeZone = cmp.Or(news.TimeZone, row.TimeZone)
	row.Status = old.Status.Advance(cmp.Or(news.Status, old.Status))
	if news.Email != old.Email {
		row.AddressBad = false
	}
	if from == Sourced {
		row.Sourced = true
	}
	row.Withdrawn = false
	return row
}

// WithDefaults fills in what a record of a newcomer leaves open.
func WithDefaults(u pipeline.User) pipeline.User {
	u.Locale = cmp.Or(u.Locale, pipeline.DefaultLocale(u.Country))
	u.TimeZone = cmp.Or(u.TimeZone, pipeline.DefaultTimeZone(u.Country))
	u.Type = cmp.Or(u.Type, pipeline.Individual)
	u.Status = cmp.Or(u.Status, pipeline.Pending)
	return u
}

// Refusal says why no mail may go out to the user though an operator asks for it,
// "" when it may. An address that the server refused is worth another try then, and
// who opted out did so of what nobody asked for.
func Refusal(row UserRow) string {
	switch {
	case row.Status != pipeline.Pending && row.Status != pipeline.OptedOut:
		return "the user is " + string(row.Status) + ", and only pending users get mail"
	case row.Withdrawn:
		return "the source query no longer returns the user, or its row is bad"
	}
	return ""
}

// InviteRefusal says why a call right after sign-up starts no mail for the user, "" when
// it does. A program makes that call for whoever it meets, so that it overrules nothing:
// neither who opted out, nor an address that a server refused, nor an operator. open is
// the state of the user's open delivery, repeat tells whether that was in doubt.
func InviteRefusal(row UserRow, open pipeline.State, repeat bool) string {
	switch {
	case row.Status == pipeline.OptedOut:
		return "the user opted out of mails that nobody asked for"
	case row.AddressBad:
		return "the user's address was found to be undeliverable; correct it, or resend with a reason"
	case row.History.Mails > 0:
		return "the user has had a mail before"
	case open == pipeline.Held:
		return "a mail to the user is held, and waits for an operator"
	case open == pipeline.InDoubt, repeat:
		return "a mail to the user may have arrived; resend it with a reason"
	}
	return Refusal(row)
}

// StillOwed says why the user, as the ledger has it now, is not owed the mail any
// more. operator tells whether the ledger says, now, that an operator asked for it,
// superseded whether its link is. It returns nil when the mail is owed.
func StillOwed(row UserRow, d *pipeline.Delivery, operator, superseded bool) error {
	cancel := func(code, reason string) error {
		return &pipeline.Fault{Kind: pipeline.Cancel, Code: code, Reason: reason}
	}
	switch {
	case row.Status != pipeline.Pending && !(operator && row.Status == pipeline.OptedOut):
		return cancel("user_"+string(row.Status), "the user became "+string(row.Status)+" before the mail left")
	case row.Withdrawn:
		return cancel("user_withdrawn", "the source query no longer returns the user, or its row is bad")
	case row.AddressBad:
		return cancel("user_address_bad", "the user's address was found to be undeliverable")
	case row.User != d.User:
		return UserChanged()
	case superseded:
		return &pipeline.Fault{
			Kind: pipeline.Retry, Free: true, Code: "link_superseded", After: time.Millisecond,
			Reason: "the user's link was taken back before the mail left; it is made anew",
		}
	}
	return nil
}

// UserChanged puts a mail off that was made of data which an import has changed
// since.
func UserChanged() *pipeline.Fault {
	return &pipeline.Fault{
		Kind: pipeline.Retry, Free: true, Code: "user_changed", After: time.Millisecond,
		Reason: "the user's data changed before the mail left; it is made anew",
	}
}

// TooSoon puts a mail off that the database refused because the user had, or may
// have had, another one a short while ago. over is when the gap is.
func TooSoon(over, now time.Time) *pipeline.Fault {
	return &pipeline.Fault{
		Kind: pipeline.Retry, Free: true, Code: "min_gap", After: over.Sub(now),
		Reason: "the user had, or may have had, another mail within plan.min_gap; this one waits until that is over",
	}
}

// Refused holds a delivery that breaks a rule of the database which nobody thought
// of: it is that row's own trouble, and must not stop everybody.
func Refused(err error) *pipeline.Fault {
	return &pipeline.Fault{
		Kind: pipeline.Hold, Code: "ledger_refused",
		Reason: "the ledger refuses this delivery, which is a bug of alta; please report it with the log", Err: err,
	}
}

// CodeSharedLink is the [pipeline.Fault.Code] of [SharedLink].
const CodeSharedLink = "capa.shared_link"

// SharedLink is the outage that a link makes which was handed out for two users;
// other is who had it first.
func SharedLink(other, user string) *pipeline.Fault {
	return &pipeline.Fault{
		Kind: pipeline.Outage, Code: CodeSharedLink,
		Reason: fmt.Sprintf("the partner API handed out one link for two users, %s and then %s; it is mailed to nobody from now on, for it would lead one person into the verification of another. Ask Capa before you go on",
			other, user),
	}
}

// OnItsWay is why a user is left alone for a moment.
const OnItsWay = "a mail to the user is on its way this moment"

// ErrOnItsWay refuses what can't be done while a mail is on its way.
var ErrOnItsWay = errors.New(OnItsWay + "; try again in a minute")

// ErrErased refuses what can't be done to a user who was erased.
var ErrErased = errors.New("the user was erased, which is final")

// MayMark says why an operator may not give the user that status, nil when that is
// allowed.
func MayMark(old UserRow, status pipeline.Status) error {
	switch {
	case old.Status == pipeline.Erased:
		return fmt.Errorf("mark user %s: %w", old.ID, ErrErased)
	case status == pipeline.Erased:
		return errors.New("a user becomes erased by 'alta users erase' only")
	}
	return nil
}

// Ambiguous refuses a reference that means several users, and names them.
func Ambiguous(ref string, found []UserRecord) error {
	ids := make([]string, len(found))
	for i, f := range found {
		ids[i] = f.User.ID
	}
	return fmt.Errorf("%s means %d users; name one by its id: %s", ref, len(found), strings.Join(ids, ", "))
}

// ApprovalDetail is what the audit log says of an approval.
func ApprovalDetail(a pipeline.Approval) string {
	return fmt.Sprintf("%d mails were due; up to %d may go until %s", a.Due, a.Mails, a.EndsAt.UTC().Format(time.RFC3339))
}

// pageSize is how many users a list reads at once.
const pageSize = 1000

// Walk calls each for every user that matches; page reads the next n of them
// behind f.After.
func (f Filter) Walk(each func(UserRecord) error, page func(f Filter, n int) ([]UserRecord, error)) error {
	for count := 0; ; {
		n := pageSize
		if f.Limit > 0 {
			n = min(n, f.Limit-count)
		}
		if n == 0 {
			return nil
		}
		some, err := page(f, n)
		if err != nil {
			return fmt.Errorf("list users: %w", err)
		}
		for _, r := range some {
			if err := each(r); err != nil {
				return err
			}
			f.After = r.Key
		}
		count += len(some)
		if len(some) < n {
			return nil
		}
	}
}
