package app

import (
	"cmp"
	"context"
	"net/mail"

	"alta/internal/web"
	"alta/pipeline"
)

// showcase writes mails to a made-up person, for the operator's page. It implements
// [web.Previewer].
type showcase struct{ *engine }

// sampleBase is where a lasting link of a preview leads without public.base_url.
const sampleBase = "https://kyc.example"

// Lasting implements [web.Previewer].
func (s showcase) Lasting() bool { return s.config.Public.lasting() }

// Preview implements [web.Previewer].
func (s showcase) Preview(ctx context.Context, m web.MailKind) (pipeline.Content, error) {
	now := s.now()
	d := samplePreview(m.Step, m.Locale, s.config.Capa.LinkTTL, now)
	if m.Later {
		d.Round, d.Nth = 2, 2
	}
	if m.Lasting {
		d.Link = lastingPreview(cmp.Or(s.config.Public.BaseURL, sampleBase), now)
	}
	return s.mails.Render(d)
}

// SendTest implements [web.Previewer]. It is noted before it is sent, so that none goes
// out of which the audit log says nothing.
func (s showcase) SendTest(ctx context.Context, m web.MailKind, to string, by web.Act) (reply string, err error) {
	content, err := s.Preview(ctx, m)
	if err != nil {
		return "", err
	}
	if err := s.store.NoteTestMail(ctx, string(m.Step)+" "+string(m.Locale), actOf(by), s.now()); err != nil {
		return "", err
	}
	return s.mailer.SendTest(ctx, mail.Address{Address: to}, content)
}
