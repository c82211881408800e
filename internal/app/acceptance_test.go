package app

import (
	"fmt"
	"strings"
	"testing"

	"alta/pipeline"
)

// person is one of the sixty.
type person struct {
	id, email, name string
	country         pipeline.Country
}

func sixty() []person {
	first := []string{"María", "José", "Guadalupe", "Íñigo", "Carmen", "Rafael", "Rosa", "Miguel", "Lucía", "Zoë"}
	last := []string{"García", "Núñez", "Hernández", "Peralta", "Ortiz", "Echeverría"}
	all := make([]person, 60)
	for i := range all {
		all[i] = person{
			id: fmt.Sprintf("5a3d0000-0000-4000-8000-%012d", i+1), email: fmt.Sprintf("persona%d@correo.example", i+1),
			name: first[i%len(first)] + " " + last[i/len(first)], country: pipeline.MX,
		}
		if i%2 == 1 {
			all[i].country = pipeline.DO
		}
	}
	return all
}

func csvOf(people []person) string {
	var b strings.Builder
	b.WriteString("id,email,name,country\n")
	for _, p := range people {
		fmt.Fprintf(&b, "%s,%s,%s,%s\n", p.id, p.email, p.name, p.country)
	}
	return b.String()
}

// Sixty users, half of each country, get sixty mails, each right; a second run
// sends none.
func TestSixtyUsersGetSixtyMails(t *testing.T) {
	t.Parallel()
	onEachEngine(t, testSixtyUsersGetSixtyMails)
}

func testSixtyUsersGetSixtyMails(t *testing.T) {
	clock := &testClock{at: moment(t, "2026-03-02T18:00:00Z")}
	w := newWorld(t, clock.now)
	people := sixty()
	w.write("users.csv", csvOf(people))
	w.alta(0, "users", "import", w.path("users.csv"))

	if r := w.run(0); r.Selected != 60 || r.Sent != 60 || r.Minted != 60 {
		t.Fatalf("the first run: %+v", r)
	}
	if n := len(w.smtp.Mails()); n != 60 {
		t.Fatalf("%d mails came in, want 60", n)
	}
	ids := map[string]bool{}
	for _, p := range people {
		mails, mints := w.mailsTo(p.email), w.minted(p.id)
		if len(mails) != 1 || len(mints) != 1 {
			t.Fatalf("%s got %d mails and %d links", p.email, len(mails), len(mints))
		}
		wantInvite(t, p, readMail(t, mails[0]))
		readMail(t, mails[0]).wantLink(t, mints[0])
		ids[readMail(t, mails[0]).id] = true
		if m := mints[0]; m.Country != p.country || m.RedirectURI != "https://pagoclaro.example/listo" || m.Type != pipeline.Individual {
			t.Errorf("minted for %s: country %s, type %s, redirect %q", p.id, m.Country, m.Type, m.RedirectURI)
		}
	}
	if len(ids) != 60 {
		t.Errorf("%d different Message-IDs, want 60", len(ids))
	}

	if r := w.run(0); r.Selected != 0 {
		t.Errorf("the second run: %+v", r)
	}
	if n := len(w.smtp.Mails()); n != 60 {
		t.Errorf("%d mails after the second run, want 60", n)
	}
}

// wantInvite wants the person's own name, Spanish, documents and country footer.
func wantInvite(t *testing.T, p person, m read) {
	t.Helper()
	lang, subject := "es-MX", "Pago Claro: verifica tu identidad"
	own := []string{"INE", "Pago Claro México, S.A. de C.V.", "Reforma 250", "https://pagoclaro.example/mx/aviso", "Aviso de Privacidad"}
	others := []string{"cédula", "Dominicana", "172-13", "/do/privacidad"}
	if p.country == pipeline.DO {
		lang, subject = "es-DO", ""
		own = []string{"cédula de identidad y electoral", "Pago Claro Dominicana, S.R.L.", "Churchill 93", "https://pagoclaro.example/do/privacidad", "Ley 172-13"}
		others = []string{"INE", "México", "/mx/aviso"}
	}
	if m.to != p.email || m.toName != p.name {
		t.Errorf("mail to %q <%s>, want %q <%s>", m.toName, m.to, p.name, p.email)
	}
	if m.lang() != lang || subject != "" && m.subject != subject || !strings.HasPrefix(m.subject, "Pago Claro: ") {
		t.Errorf("mail to %s: language %q and subject %q", m.to, m.lang(), m.subject)
	}
	own = append(own, "Hola, "+p.name+":")
	// Line breaks fall anywhere in running text.
	for _, part := range []string{strings.Join(strings.Fields(m.text), " "), strings.Join(strings.Fields(m.html), " ")} {
		for _, s := range own {
			if !strings.Contains(part, s) {
				t.Errorf("mail to %s lacks %q", m.to, s)
			}
		}
		for _, s := range others {
			if strings.Contains(part, s) {
				t.Errorf("mail to %s speaks of %q, which is the other country's", m.to, s)
			}
		}
	}
}
