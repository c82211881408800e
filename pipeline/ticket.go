package pipeline

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"io"
	"strings"
)

// TicketBytes is how many random bytes a token has: 128 bits.
const TicketBytes = 16

// TicketDigest is the SHA-256 of a token. It is all that the ledger keeps of one
// for good.
type TicketDigest [sha256.Size]byte

// DigestTicket returns the digest of a token as it stands in a URL.
func DigestTicket(token string) TicketDigest { return sha256.Sum256([]byte(token)) }

// Ticket is what the token of a lasting link leads to.
type Ticket struct {
	LinkID    int64 // of the mail that carries it
	User      User
	Withdrawn bool // the source query no longer returns the user
	Dead      bool // the user opted out after this mail
	Mails     int  // that the user has had
	NoMail    bool // no mail may follow, whoever asks: the user is in review, the address takes none, or an operator holds one
}

// Alive tells whether a verification may be opened with the ticket. A user in
// review may go on, since the provider may ask for more; one who opted out may
// where an operator has mailed since.
func (t Ticket) Alive() bool {
	switch t.User.Status {
	case Pending, InReview, OptedOut:
		return !t.Withdrawn && !t.Dead
	}
	return false
}

// Lasting gives the delivery a link that never expires: base + "/k/" + a token.
// What it leads to is minted when the user opens it. base is a URL without a slash
// at its end. It stands in the chain instead of [Issue]. An earlier attempt's link
// is kept, unless it lasts and leads to another base, where nobody may answer; a
// mail in doubt keeps even that.
func Lasting(base string, random io.Reader, now Clock) Stage {
	return func(_ context.Context, d *Delivery) error {
		moved := d.Link.Lasts() && !strings.HasPrefix(d.Link.URL.Reveal(), base+TicketPath)
		if d.Link.Usable(now(), 0) && (d.Repeat || !moved) {
			return nil
		}
		if d.Repeat {
			return lostLink()
		}
		var token [TicketBytes]byte
		if _, err := io.ReadFull(random, token[:]); err != nil {
			return fmt.Errorf("make a token: %w", err)
		}
		text := base64.RawURLEncoding.EncodeToString(token[:])
		digest := DigestTicket(text)
		d.Link = Link{URL: NewSecret(base + TicketPath + text), Ticket: &digest, IssuedAt: now()}
		return nil
	}
}

// The paths before the token: of the landing page, and of the page where a user
// opts out.
const (
	TicketPath = "/k/"
	OptOutPath = "/u/"
)

// OptOut returns the address at which the user opts out, which has the token of
// the lasting link; the zero value for a link that leads to the verification
// itself.
func (l Link) OptOut() Secret {
	url := l.URL.Reveal()
	at := strings.LastIndex(url, TicketPath)
	if !l.Lasts() || at < 0 {
		return Secret{}
	}
	return NewSecret(url[:at] + OptOutPath + url[at+len(TicketPath):])
}
