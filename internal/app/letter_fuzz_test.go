package app

import (
	"bytes"
	"net/mail"
	"slices"
	"strings"
	"testing"
	"time"

	"alta/internal/mailer"
	"alta/internal/roster"
	"alta/internal/sandbox"
	"alta/pipeline"
	"alta/templates"
)

// FuzzLetter takes a user all the way from a row of a file to the message on the
// wire. Whoever is let in can be mailed, at the very address that was given, and
// changes neither the header fields nor the link.
func FuzzLetter(f *testing.F) {
	f.Add("Ana Torres", "ana@correo.example", "kyc.example/s?_al=TOKEN==&r=a%2Fb")
	f.Add(`{{.Link}} "><script>`, `"ana \"la <jefa>\" torres"@correo.example`, `kyc.example/"><script>{{.Name}}`)
	f.Add("Ana\r\nBcc: x@mal.example", "ana@correo.example\r\nRCPT TO:<x@mal.example>", "kyc.example/\r\n.\r\nMAIL FROM:<x@mal.example>")
	f.Add("=?utf-8?q?=0D=0ABcc:_x?=", "=?x?q?a?=@correo.example", "kyc.example/=0D=0A.=0D=0A")
	f.Add("'=HYPERLINK(1)", "+ana@ñandú.example", "kyc.example/"+strings.Repeat("x", 1900))
	brand := templates.Brand{Name: "Nómada Pay", URL: "https://nomada.example", SupportEmail: "ayuda@nomada.example"}
	letters, err := templates.Load(templates.Options{Brands: map[pipeline.Country]templates.Brand{pipeline.MX: brand, pipeline.DO: brand}})
	check(f, err)
	now := time.Date(2026, 3, 2, 12, 0, 0, 0, time.UTC)
	post, err := mailer.New(mailer.Config{
		Host: "mail.example", Port: 587, TLS: mailer.TLSStart, From: mail.Address{Name: "Nómada Pay", Address: "hola@nomada.example"},
	}, func() time.Time { return now })
	check(f, err)
	f.Fuzz(func(t *testing.T, name, email, rest string) {
		u, problems := roster.Validate(roster.Fields{ID: "u-1", Email: email, Name: name, Country: "MX"})
		link := "https://" + rest
		if len(problems) > 0 || strings.ContainsFunc(link, func(r rune) bool { return r <= ' ' || r > '~' }) || len(link) > 2048 {
			return // never let in, or never taken from the partner API
		}
		u.Locale = pipeline.DefaultLocale(u.Country)
		d := &pipeline.Delivery{
			User: u, Step: pipeline.Invite, Round: 1, Nth: 1,
			Link:    pipeline.Link{URL: pipeline.NewSecret(link), IssuedAt: now, ExpiresAt: now.Add(24 * time.Hour)},
			Message: pipeline.Message{ID: "abc@nomada.example", Date: now},
		}
		content, err := letters.Render(d)
		if err != nil {
			if strings.Contains(err.Error(), "not an https URL") || strings.Contains(name+link, "ZgotmplZ") {
				return
			}
			t.Fatal(err)
		}
		d.Message.Content = content
		raw, err := post.Build(d)
		if err != nil {
			t.Fatalf("a user who was let in can't be mailed: %v", err)
		}
		parsed, err := mail.ReadMessage(bytes.NewReader(raw))
		check(t, err)
		var fields []string
		for field, values := range parsed.Header {
			fields = append(fields, slices.Repeat([]string{field}, len(values))...)
		}
		slices.Sort(fields)
		if want := []string{"Auto-Submitted", "Content-Type", "Date", "From", "Message-Id", "Mime-Version", "Subject", "To"}; !slices.Equal(fields, want) {
			t.Errorf("header fields %v", fields)
		}
		if strings.ContainsAny(strings.ReplaceAll(string(raw), "\r\n", ""), "\r\n\x00") {
			t.Errorf("a bare CR, LF or NUL in %q", raw)
		}
		to, err := parsed.Header.AddressList("To")
		if err != nil || len(to) != 1 || (&mail.Address{Address: to[0].Address}).String() != "<"+u.Email+">" {
			t.Errorf("To is %v, %v, want %s", to, err, u.Email)
		}
		caught := sandbox.Mail{Raw: raw}
		text, err := caught.Text()
		check(t, err)
		if n := strings.Count("\r\n"+text, "\r\n"+link+"\r\n"); n != 1 {
			t.Errorf("%d lines of the text are the link %q", n, link)
		}
	})
}
