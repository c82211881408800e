package pipeline

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"io"
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
// at its end. It stands in the chain instead of [Issue].
func Lasting(base string, random io.Reader, now Clock) Stage {
	return func(_ context.Context, d *Delivery) error {
		if d.Link.Usable(now(), 0) {
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

// TicketPath is the path of the landing page, before the token.
const TicketPath = "/k/"
