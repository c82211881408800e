package pipeline

import "time"

// Country is an ISO 3166-1 alpha-2 code. The partner API verifies identities
// in [MX] and [DO] only.
type Country string

// The countries that the partner API supports for KYC.
const (
	MX Country = "MX"
	DO Country = "DO"
)

// Locale is a BCP 47 language tag that mails are written in.
type Locale string

// The locales that mails are written in.
const (
	ESMX Locale = "es-MX"
	ESDO Locale = "es-DO"
)

// UserType tells a person from a company; each has its own call at the
// partner API.
type UserType string

// The types of user. A Business is verified by KYB instead of KYC.
const (
	Individual UserType = "INDIVIDUAL"
	Business   UserType = "BUSINESS"
)

// Status is where a user stands with the verification. Only Pending users get
// mail. A terminal status never goes back by itself: only an operator's mark
// moves it, and nothing moves Erased. OptedOut ends the mails and not the
// verification, whose end may still be told.
type Status string

// The statuses of a user.
const (
	Pending  Status = "pending"
	InReview Status = "in_review"
	Verified Status = "verified"
	Rejected Status = "rejected"
	OptedOut Status = "opted_out"
	Erased   Status = "erased"
)

// Statuses returns every status, in the order in which a user meets them.
func Statuses() []Status {
	return []Status{Pending, InReview, Verified, Rejected, OptedOut, Erased}
}

// Advance returns the status after news of next arrived from outside: an
// import, a source query or a webhook. News may repeat and come out of order,
// so a status only moves forward: pending, in_review, then a terminal one,
// which stays. Who opted out of the mails may still finish the verification, so
// that opted_out moves on to verified or rejected, and to nothing else.
func (s Status) Advance(next Status) Status {
	if s == OptedOut && (next == Verified || next == Rejected) {
		return next
	}
	rank := map[Status]int{Pending: 0, InReview: 1}
	was, open := rank[s]
	if !open {
		return s
	}
	if is, stillOpen := rank[next]; stillOpen && is < was {
		return s
	}
	return next
}

// User is a person or business who owes a verification.
type User struct {
	ID         string // the Capa user id
	ExternalID string // the partner's own id, may be empty
	Email      string // an addr-spec of RFC 5322, without a display name
	Name       string
	Country    Country
	Locale     Locale
	TimeZone   string // an IANA name
	Type       UserType
	Status     Status
}

// Location returns the user's time zone. A zone that this machine does not
// know falls back to the country's own, so that a bad zone can never stop a
// mail; import refuses such zones in the first place.
func (u User) Location() *time.Location {
	for _, name := range []string{u.TimeZone, DefaultTimeZone(u.Country)} {
		if loc, known := loadZone(name); known {
			return loc
		}
	}
	return time.UTC
}

// DefaultLocale is the locale of a user whose record names none.
func DefaultLocale(c Country) Locale {
	if c == DO {
		return ESDO
	}
	return ESMX
}

// DefaultTimeZone is the IANA time zone of a user whose record names none.
func DefaultTimeZone(c Country) string {
	if c == DO {
		return "America/Santo_Domingo"
	}
	return "America/Mexico_City"
}

// History is what a user has been mailed so far. Every decision about the next
// mail is made from it. All is zero before the first mail.
type History struct {
	Mails         int       // mails the server accepted
	InvitedAt     time.Time // when the first mail was sent
	LastAt        time.Time // when the latest mail was sent
	LinkExpiresAt time.Time // when the link in the latest mail is assumed to expire
}
