package pipeline

import (
	"context"
	"time"
)

// Issuer mints a verification link for a user at the partner API.
type Issuer interface {
	// Issue returns the URL of a fresh link, or a [Fault]. Each call may open
	// a session at the provider, so nobody calls it twice for one mail.
	Issue(ctx context.Context, u User) (Secret, error)
}

// Issue gives the delivery a link that works: the one that an earlier attempt
// at this very mail left behind while it has more than minLife left, otherwise
// a fresh one that is assumed to live for ttl. A lasting link is none that works:
// the landing page is no longer served. A user whose mints have spent the budget
// waits for it.
func Issue(issuer Issuer, budget Budget, now Clock, ttl, minLife time.Duration) Stage {
	return func(ctx context.Context, d *Delivery) error {
		if d.Link.Usable(now(), minLife) && !d.Link.Lasts() {
			return nil
		}
		if d.Repeat {
			return lostLink()
		}
		if err := budget.spent(d.Mints, now()); err != nil {
			return err
		}
		d.Link = Link{}
		// The time before the call: a lifetime counted from there never
		// promises more than the provider gives.
		issued := now()
		url, err := issuer.Issue(ctx, d.User)
		if err != nil {
			return err
		}
		d.Link = Link{URL: url, IssuedAt: issued, ExpiresAt: issued.Add(ttl)}
		return nil
	}
}

// lostLink cancels a mail in doubt that can't be repeated.
func lostLink() *Fault {
	return &Fault{
		Kind: Cancel, Code: "doubt_expired",
		Reason: "it is in doubt whether the user got this mail, and its link has expired, or was forgotten, since",
	}
}
