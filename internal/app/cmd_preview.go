package app

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/mail"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"alta/internal/mailer"
	"alta/pipeline"
)

// previewLink stands for the link: a preview mints nothing. previewToken does so
// where mails lead to the landing page, which knows no such token.
const (
	previewLink  = "https://kyc.example/session?_al=PREVIEW==&r=a%2Fb"
	previewToken = "PREVIEW-PREVIEW-PREVIA"
)

// preview is what the operator asked for.
type preview struct {
	step, locale, user, format, out string
}

func (a *app) previewCommand() *cobra.Command {
	var p preview
	c := &cobra.Command{
		Use:   "preview",
		Short: "Show a mail as it will look",
		Long: `preview writes one mail with a made-up link; nothing is minted or sent. Without
--user it goes to a made-up person. With public.base_url the link is the lasting
one.`,
		Example: `  alta preview --step invite --locale es-MX --out invite.html
  alta preview --step reminder --locale es-DO --format txt
  alta preview --step reissue --user ana@example.mx --format eml --out mail.eml`,
		RunE: func(c *cobra.Command, _ []string) error {
			if err := p.check(); err != nil {
				return err
			}
			if err := a.load(); err != nil {
				return err
			}
			return a.preview(c.Context(), p)
		},
	}
	f := c.Flags()
	f.StringVar(&p.step, "step", string(pipeline.Invite), "`STEP`: invite, reminder or reissue")
	f.StringVar(&p.locale, "locale", "", "`LOCALE`: es-MX or es-DO (default: the user's, or es-MX)")
	f.StringVar(&p.user, "user", "", "write to this `USER` of the ledger: id, external id or e-mail")
	f.StringVar(&p.format, "format", "html", "`FORMAT`: html, txt or eml")
	f.StringVar(&p.out, "out", "", "write to `FILE` (default: standard output)")
	offer(c, "step", words(pipeline.Steps())...)
	offer(c, "locale", string(pipeline.ESMX), string(pipeline.ESDO))
	offer(c, "format", "html", "txt", "eml")
	return c
}

func (p preview) check() error {
	switch {
	case !slices.Contains(pipeline.Steps(), pipeline.Step(p.step)):
		return usage("--step %q: want invite, reminder or reissue", p.step)
	case p.locale != "" && !slices.Contains([]pipeline.Locale{pipeline.ESMX, pipeline.ESDO}, pipeline.Locale(p.locale)):
		return usage("--locale %q: want es-MX or es-DO", p.locale)
	case !slices.Contains([]string{"html", "txt", "eml"}, p.format):
		return usage("--format %q: want html, txt or eml", p.format)
	}
	return nil
}

func (a *app) preview(ctx context.Context, p preview) error {
	d, err := a.previewDelivery(ctx, p)
	if err != nil {
		return err
	}
	config := *a.config
	if config.Brand.Name == "" {
		config.Brand.Name = "Ejemplo"
		a.log.Warn("brand.name is not set; the preview shows Ejemplo in its place")
	}
	set, err := loadTemplates(&config)
	if err != nil {
		return &exitError{exitUsage, err}
	}
	if d.Message.Content, err = set.Render(d); err != nil {
		return err
	}
	var data []byte
	switch p.format {
	case "html":
		data = []byte(d.Message.HTML)
	case "txt":
		data = []byte("Subject: " + d.Message.Subject + "\n\n" + d.Message.Text)
	case "eml":
		if data, err = a.previewMIME(d); err != nil {
			return err
		}
	}
	if p.out == "" {
		_, err = a.out.Write(data)
		return err
	}
	if err := os.WriteFile(p.out, data, 0o644); err != nil {
		return fmt.Errorf("write the preview: %w", err)
	}
	return nil
}

func (a *app) previewDelivery(ctx context.Context, p preview) (*pipeline.Delivery, error) {
	locale := cmp.Or(pipeline.Locale(p.locale), pipeline.ESMX)
	d := samplePreview(pipeline.Step(p.step), locale, a.config.Capa.LinkTTL, a.now())
	if p.user != "" {
		found, err := a.previewUser(ctx, p.user)
		if err != nil {
			return nil, err
		}
		d.User = found
		d.User.Locale = cmp.Or(pipeline.Locale(p.locale), found.Locale)
	}
	if base := a.config.Public.BaseURL; base != "" {
		d.Link = lastingPreview(base, a.now())
	}
	d.Message.Unsubscribe = d.Unsubscribe()
	return d, nil
}

// lastingPreview is a link to the landing page, which knows no such token.
func lastingPreview(base string, now time.Time) pipeline.Link {
	digest := pipeline.DigestTicket(previewToken)
	return pipeline.Link{URL: pipeline.NewSecret(base + pipeline.TicketPath + previewToken), Ticket: &digest, IssuedAt: now}
}

// samplePreview is a mail to a made-up person, with a made-up link.
func samplePreview(step pipeline.Step, locale pipeline.Locale, linkTTL time.Duration, now time.Time) *pipeline.Delivery {
	user := pipeline.User{
		ID: "preview", Email: "maria.fernandez@example.com", Name: "María Fernández", Country: pipeline.MX, Locale: locale,
		Type: pipeline.Individual, Status: pipeline.Pending,
	}
	if locale == pipeline.ESDO {
		user.Country = pipeline.DO
	}
	user.TimeZone = pipeline.DefaultTimeZone(user.Country)
	return &pipeline.Delivery{
		User: user, Step: step, Round: 1, Attempt: 1,
		Link:    pipeline.Link{URL: pipeline.NewSecret(previewLink), IssuedAt: now, ExpiresAt: now.Add(linkTTL)},
		Message: pipeline.Message{ID: "preview@alta.invalid", Date: now.Truncate(time.Second)},
	}
}

func (a *app) previewUser(ctx context.Context, ref string) (u pipeline.User, err error) {
	err = a.withLedger(ctx, func(s ledger) error {
		r, err := s.Find(ctx, ref)
		u = r.User
		return err
	})
	return u, err
}

// previewMIME builds the whole message. It needs no server, so only the
// settings that show in the message count.
func (a *app) previewMIME(d *pipeline.Delivery) (_ []byte, err error) {
	config := *a.config
	config.SMTP = SMTPConfig{
		Host: "localhost", Port: 25, TLS: mailer.TLSNone,
		FromAddress: a.config.SMTP.FromAddress, ReplyToAddress: a.config.SMTP.ReplyToAddress, DKIM: a.config.SMTP.DKIM,
	}
	if config.SMTP.FromAddress == nil {
		config.SMTP.FromAddress = &mail.Address{Name: "Ejemplo", Address: "no-reply@example.com"}
		a.log.Warn("smtp.from is not set; the preview comes from no-reply@example.com")
	}
	m, err := newMailer(&config, a.now, func(reason string) { a.log.Warn(reason) })
	if err != nil {
		return nil, &exitError{exitUsage, err}
	}
	defer func() { err = errors.Join(err, m.Close()) }()
	_, domain, _ := strings.Cut(config.SMTP.FromAddress.Address, "@")
	d.Message.ID = "preview@" + domain
	return m.Build(d)
}
