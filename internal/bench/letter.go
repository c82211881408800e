package main

import (
	"bytes"
	"errors"
	"fmt"
	netmail "net/mail"
	"time"

	"github.com/wneessen/go-mail"

	"alta/pipeline"
	"alta/templates"
)

// The sender of everybody's mails.
const (
	senderName    = "Pago Claro"
	senderAddress = "no-responder@pagoclaro.example"
	heloName      = "pagoclaro.example"
)

// brands are the brands of alta's mails, and of those of its rivals.
func brands() map[pipeline.Country]templates.Brand {
	return map[pipeline.Country]templates.Brand{
		pipeline.MX: {
			Name: senderName, URL: "https://pagoclaro.example", SupportEmail: "hola@pagoclaro.example",
			LegalName: "Pago Claro México, S.A. de C.V.", Address: "Av. Paseo de la Reforma 250, Juárez, 06600 Ciudad de México",
			PrivacyURL: "https://pagoclaro.example/mx/aviso-de-privacidad",
		},
		pipeline.DO: {
			Name: senderName, URL: "https://pagoclaro.example", SupportEmail: "hola@pagoclaro.example",
			LegalName: "Pago Claro Dominicana, S.R.L.", Address: "Av. Winston Churchill 93, Piantini, Santo Domingo",
			PrivacyURL: "https://pagoclaro.example/do/privacidad",
		},
	}
}

func loadTemplates() (*templates.Set, error) {
	return templates.Load(templates.Options{Brands: brands()})
}

// sampleContent is what alta writes to one of the users.
func sampleContent() (pipeline.Content, error) {
	set, err := loadTemplates()
	if err != nil {
		return pipeline.Content{}, err
	}
	return set.Render(invite(person{
		id: "8f14e45f-ceea-467f-a0e6-0d1f4b1a9b1e", email: "maria.nunez42@correo.example", name: "María Fernanda Núñez Ortega", country: pipeline.MX,
	}, "https://kyc.sandbox.example/session?_al=c2FuZGJveHNhbmRib3g=&r=a%2Fb"))
}

// invite is the first mail to a person, with its link.
func invite(p person, link string) *pipeline.Delivery {
	d := &pipeline.Delivery{
		User: pipeline.User{
			ID: p.id, Email: p.email, Name: p.name, Country: p.country,
			Locale: pipeline.DefaultLocale(p.country), TimeZone: pipeline.DefaultTimeZone(p.country),
			Type: pipeline.Individual, Status: pipeline.Pending,
		},
		Step: pipeline.Invite, Round: 1, Nth: 1, Attempt: 1,
	}
	d.Link.URL = pipeline.NewSecret(link)
	d.Link.IssuedAt = time.Date(2026, time.March, 2, 12, 0, 0, 0, time.UTC) // any moment does
	d.Link.ExpiresAt = d.Link.IssuedAt.AddDate(0, 0, 1)
	return d
}

// letter builds a message as anybody does who uses go-mail: quoted-printable, a
// plain text and an HTML page.
func letter(to, name string, c pipeline.Content) *mail.Msg {
	m := mail.NewMsg(mail.WithCharset(mail.CharsetUTF8), mail.WithEncoding(mail.EncodingQP), mail.WithNoDefaultUserAgent())
	m.FromMailAddress(&netmail.Address{Name: senderName, Address: senderAddress})
	m.ToMailAddress(&netmail.Address{Name: name, Address: to})
	m.Subject(c.Subject)
	m.SetMessageID()
	m.SetDate()
	m.SetBodyString(mail.TypeTextPlain, c.Text)
	m.AddAlternativeString(mail.TypeTextHTML, c.HTML)
	return m
}

// bodyBytes is how long the sample mail is on the wire without its header, which
// smtp-source writes itself.
func bodyBytes() (int, error) {
	content, err := sampleContent()
	if err != nil {
		return 0, err
	}
	m := letter("somebody@correo.example", "", content)
	var raw bytes.Buffer
	if _, err := m.WriteTo(&raw); err != nil {
		return 0, fmt.Errorf("write the sample mail: %w", err)
	}
	_, body, found := bytes.Cut(raw.Bytes(), []byte("\r\n\r\n"))
	if !found {
		return 0, errors.New("the sample mail has no body")
	}
	return len(body), nil
}
