package pipeline

import (
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"io"
	"log/slog"
	"time"
)

// Step is one kind of mail.
type Step string

// The steps of the plan.
const (
	Invite   Step = "invite"   // the first mail
	Reminder Step = "reminder" // a reminder after a delay
	Reissue  Step = "reissue"  // a fresh link for one that expired, or on request
)

// Steps returns every step, in the order in which a user meets them.
func Steps() []Step { return []Step{Invite, Reminder, Reissue} }

// State is where a delivery stands. See docs/states.md for the picture.
type State string

// The states of a delivery. Sent, Failed and Cancelled are final; Held and
// InDoubt wait for an operator.
const (
	Due       State = "due"
	Claimed   State = "claimed" // owned by a run; nothing has left the house
	Sending   State = "sending" // committed before the first byte of MAIL FROM
	Sent      State = "sent"
	Failed    State = "failed"
	Held      State = "held"
	Cancelled State = "cancelled"
	InDoubt   State = "doubt" // the server may or may not have taken the mail
)

// Clock tells the time. It is a parameter everywhere, so that tests own it.
type Clock func() time.Time

// Delivery is one mail owed to one user for one step and round. Its fields
// stand in the order of the stages that fill them: the struct is the picture.
type Delivery struct {
	// Pull
	ID       int64
	Claim    int64 // names this very claim, so that a ledger can refuse what an older one writes; 0 where it goes by the run
	User     User
	History  History
	Step     Step
	Round    int // counts from 1 for each step; with User and Step it names the delivery
	Nth      int // 1 for the first mail of this step that the user gets
	Attempt  int // counts from 1; attempts that cost nothing are not counted
	DueAt    time.Time
	Operator bool        // asked for by an operator: sent at any hour
	Doubts   int         // attempts that ended in doubt
	Repeat   bool        // in doubt: Message and Link must go out again as they were
	LastCode string      // how the latest attempt ended, a [Fault.Code]
	Probe    *Pause      // set when this delivery tells whether the pause is over
	Mints    []time.Time // when a link was minted for the user, or may have been
	// Issue, Keep
	Link Link
	// Render
	Message Message
	// Send
	Begun   bool // the ledger says [Sending]: from here on the mail may have left
	Receipt Receipt
}

// Link is a secret URL that opens one verification session.
type Link struct {
	ID        int64 // in the ledger; 0 before it is saved there
	URL       Secret
	Ticket    *TicketDigest // of a lasting link: URL leads to the landing page; nil where it leads to the verification itself
	IssuedAt  time.Time
	ExpiresAt time.Time // assumed: the partner API names no lifetime; zero for a lasting link
}

// Unsubscribe returns the address of the header List-Unsubscribe. Only a reminder
// has one: what a user asked for, or is told once, is nothing to unsubscribe from.
func (d *Delivery) Unsubscribe() Secret {
	if d.Step != Reminder {
		return Secret{}
	}
	return d.Link.OptOut()
}

// Lasts tells whether the link never expires.
func (l Link) Lasts() bool { return l.Ticket != nil }

// Usable tells whether the link has more than minLife left at now.
func (l Link) Usable(now time.Time, minLife time.Duration) bool {
	return !l.URL.IsZero() && (l.Lasts() || l.ExpiresAt.Sub(now) > minLife)
}

// Message is what one mail says, and the two headers that make a second copy
// of it recognizable as the same mail.
type Message struct {
	ID   string    // Message-ID of RFC 5322, without angle brackets
	Date time.Time // the Date header
	Content
	Unsubscribe Secret // where one click opts out (RFC 8058); zero for a mail without the header
	Digest      []byte // the [Content.Digest], with what else must be the same, that the ledger knows
}

// Content is the text of a mail. It contains the link, so it hides itself from
// logs as a [Secret] does.
type Content struct {
	Subject string
	Text    string
	HTML    string
}

// Digest identifies a mail of this content: SHA-256 over its length-prefixed
// parts, which are those of the content and whatever else must be the same, the
// sender and the recipient for example.
func (c Content) Digest(more ...string) []byte {
	h := sha256.New()
	// The hash takes bytes only: the parts go through one piece of the stack instead
	// of through a copy of each.
	var space [1024]byte
	for _, part := range append([]string{c.Subject, c.Text, c.HTML}, more...) {
		binary.BigEndian.PutUint64(space[:], uint64(len(part)))
		_, _ = h.Write(space[:8])
		for len(part) > 0 {
			n := copy(space[:], part)
			_, _ = h.Write(space[:n])
			part = part[n:]
		}
	}
	return h.Sum(nil)
}

// String hides the text and shows its size.
func (c Content) String() string {
	return fmt.Sprintf("[content of %d bytes]", len(c.Subject)+len(c.Text)+len(c.HTML))
}

// Format hides the text from every verb of package fmt.
func (c Content) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, c.String()) }

// LogValue hides the text from log/slog.
func (c Content) LogValue() slog.Value { return slog.StringValue(c.String()) }

// MarshalText hides the text from encoders such as encoding/json.
func (c Content) MarshalText() ([]byte, error) { return []byte(c.String()), nil }

// String names the message and hides its text.
func (m Message) String() string { return "message " + m.ID }

// Format hides the text from every verb of package fmt.
func (m Message) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, m.String()) }

// LogValue names the message and hides its text from log/slog.
func (m Message) LogValue() slog.Value { return slog.StringValue(m.String()) }

// MarshalText names the message and hides its text from encoders.
func (m Message) MarshalText() ([]byte, error) { return []byte(m.String()), nil }

// Receipt is the SMTP server's final reply.
type Receipt struct {
	Reply string // verbatim, with its code, for example "250 2.0.0 Ok: queued as 4F3"
}

// String identifies the delivery, without personal data and without its link.
func (d *Delivery) String() string {
	return fmt.Sprintf("delivery %d: %s %d to user %s", d.ID, d.Step, d.Round, d.User.ID)
}

// LogValue identifies the delivery in a log line without personal data: the
// user's id, never the name or the address.
func (d *Delivery) LogValue() slog.Value {
	return slog.GroupValue(
		slog.Int64("id", d.ID),
		slog.String("user", d.User.ID),
		slog.String("country", string(d.User.Country)),
		slog.String("step", string(d.Step)),
		slog.Int("round", d.Round),
		slog.Int("attempt", d.Attempt),
	)
}
