package pipeline

import (
	"bytes"
	"context"
)

// Renderer writes the mail for a delivery that has its link.
type Renderer interface {
	// Render is deterministic: the same delivery and date give the same
	// content.
	Render(d *Delivery) (Content, error)
}

// Render fills in the message: a Message-ID and date of its own, the content and
// where one click unsubscribes. A mail in doubt keeps its Message-ID and date, and is held when the
// content, the recipient or the sender is no longer the same, since a changed
// copy would be a second mail. sender is whatever the mail says of its sender.
func Render(r Renderer, sender string, now Clock, newID func() string) Stage {
	return func(_ context.Context, d *Delivery) error {
		if !d.Repeat {
			d.Message = Message{ID: newID(), Date: now()}
		}
		content, err := r.Render(d)
		if err != nil {
			return &Fault{
				Kind: Hold, Code: "render",
				Reason: "the mail could not be written; check the templates with 'alta doctor'", Err: err,
			}
		}
		same := []string{sender, d.User.Email, d.User.Name}
		unsubscribe := d.Unsubscribe()
		if !unsubscribe.IsZero() { // Without it the digest is that of earlier versions.
			same = append(same, unsubscribe.Reveal())
		}
		digest := content.Digest(same...)
		if d.Repeat && !bytes.Equal(digest, d.Message.Digest) {
			return &Fault{
				Kind: Hold, Code: "doubt_changed",
				Reason: "it is in doubt whether the user got this mail, and it can't be repeated word for word because the template, the sender or the user's data changed; 'alta resend --user' sends a new mail",
			}
		}
		d.Message.Content, d.Message.Unsubscribe, d.Message.Digest = content, unsubscribe, digest
		return nil
	}
}
