package main

import "context"

// measureLinkGoMail is go-mail's own Send through the slow link; noop is its
// default, a question before each mail whether the server is there.
func (b *bench) measureLinkGoMail(noop bool) func(context.Context) (sample, error) {
	return func(ctx context.Context) (sample, error) {
		return b.inWorld(ctx, 0, b.linkMails, 0, func(w *world) (s sample, err error) {
			err = b.throughLink(w, func(r *relay) (err error) {
				s, err = b.mailByRole(ctx, "go-mail", task{SMTP: w.link, Mails: b.linkMails, Noop: noop})
				return b.weigh(s, r, err)
			})
			return s, err
		})
	}
}

// measureLinkAlta is alta through the slow link.
func (b *bench) measureLinkAlta(ctx context.Context) (sample, error) {
	return b.inWorld(ctx, 0, b.linkMails, b.linkMails, func(w *world) (s sample, err error) {
		err = b.throughLink(w, func(r *relay) (err error) {
			s, err = b.mailByAlta(ctx, w, ledgerDue, b.linkMails)
			return b.weigh(s, r, err)
		})
		return s, err
	})
}

// weigh adds how many bytes each mail put on the wire, envelope and all.
func (b *bench) weigh(s sample, r *relay, err error) error {
	if err == nil {
		s[wireSize] = float64(r.sent.Load()) / float64(b.linkMails)
	}
	return err
}
