package web

import (
	"context"

	"alta/pipeline"
)

// Previewer writes mails to a made-up person, with a made-up link.
type Previewer interface {
	// Preview writes the mail. Its error is about the templates.
	Preview(ctx context.Context, m MailKind) (pipeline.Content, error)

	// SendTest sends the mail to the address and returns the server's own reply. Its
	// error is a [pipeline.Fault], whose reason says what to do.
	SendTest(ctx context.Context, m MailKind, to string, by Act) (reply string, err error)

	// Lasting tells whether mails carry links that never expire, as they do with
	// public.base_url.
	Lasting() bool
}

// MailKind names one mail among those that users can get.
type MailKind struct {
	Step    pipeline.Step
	Locale  pipeline.Locale
	Later   bool // not the first of its step that the user gets
	Lasting bool // with a link that never expires
}

// locales are those that mails are written in.
func locales() []pipeline.Locale { return []pipeline.Locale{pipeline.ESMX, pipeline.ESDO} }
