package mailer

import (
	"crypto/ed25519"
	"net/mail"
	"os"
	"testing"

	"alta/pipeline"
)

// sample is a delivery of the size and the alphabet of a real one: the invite as
// package templates renders it.
func sample(b *testing.B) *pipeline.Delivery {
	b.Helper()
	read := func(name string) string {
		text, err := os.ReadFile("../../templates/testdata/golden/" + name)
		if err != nil {
			b.Fatal(err)
		}
		return string(text)
	}
	d := delivery("jose@example.com")
	d.Message.Text, d.Message.HTML = read("es-MX/invite-1.INDIVIDUAL.txt"), read("es-MX/invite-1.INDIVIDUAL.html")
	d.Message.Digest = d.Message.Content.Digest("the sender", d.User.Email, d.User.Name)
	return d
}

func BenchmarkBuild(b *testing.B) {
	d := sample(b)
	for _, c := range []struct {
		name string
		dkim *DKIM
	}{
		{"unsigned", nil},
		{"Ed25519", &DKIM{Domain: "example.mx", Selector: "alta", Key: ed25519.NewKeyFromSeed(make([]byte, ed25519.SeedSize))}},
	} {
		b.Run(c.name, func(b *testing.B) {
			m, err := New(Config{
				Host: "mail.example", Port: 587, TLS: TLSStart,
				From: mail.Address{Name: "Banco Ñandú, S.A.", Address: "hola@mail.example.mx"}, ReplyTo: mail.Address{Name: "Ayuda", Address: "ayuda@example.mx"},
				DKIM: c.dkim,
			}, noon)
			if err != nil {
				b.Fatal(err)
			}
			to, err := recipient(d.User.Name, d.User.Email)
			if err != nil {
				b.Fatal(err)
			}
			b.ReportAllocs()
			for b.Loop() {
				raw, err := m.build(to, d.Message)
				if err != nil {
					b.Fatal(err)
				}
				b.SetBytes(int64(len(raw)))
			}
		})
	}
}
