package templates

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"

	"alta/pipeline"
)

var update = flag.Bool("update", false, "write the golden files anew")

// Every step, locale and part reads as the golden files say, for persons and
// for companies, in both voices, and at a brand that has nothing but a name.
func TestGolden(t *testing.T) {
	informal, formal := load(t, ""), load(t, formalDir(t))
	bare := brands()
	for country, b := range bare {
		bare[country] = Brand{Name: b.Name}
	}
	plain, err := Load(Options{Brands: bare})
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]bool{}
	for _, locale := range locales() {
		for _, mail := range []struct {
			step  pipeline.Step
			round int
		}{
			{pipeline.Invite, 1}, {pipeline.Reminder, 1}, {pipeline.Reminder, 2}, {pipeline.Reminder, 3}, {pipeline.Reissue, 1},
		} {
			for _, kind := range []pipeline.UserType{pipeline.Individual, pipeline.Business} {
				d := delivery(locale, mail.step, kind)
				d.Round = mail.round
				name := fmt.Sprintf("%s/%s-%d.%s", locale, mail.step, mail.round, kind)
				c := render(t, informal, d)
				for part, got := range map[string]string{"subject": c.Subject + "\n", "txt": c.Text, "html": c.HTML} {
					golden(t, want, name+"."+part, got)
				}
				c = render(t, formal, d)
				golden(t, want, name+".usted.txt", c.Subject+"\n\n"+c.Text)

				c = render(t, informal, lasting(d))
				golden(t, want, name+".lasting.txt", c.Subject+"\n\n"+c.Text)
				golden(t, want, name+".lasting.html", c.HTML)
				c = render(t, formal, d)
				golden(t, want, name+".lasting.usted.txt", c.Subject+"\n\n"+c.Text)
			}
		}
		d := delivery(locale, pipeline.Invite, pipeline.Individual)
		d.User.Name = ""
		c := render(t, plain, d)
		golden(t, want, fmt.Sprintf("%s/bare.txt", locale), c.Text)
		golden(t, want, fmt.Sprintf("%s/bare.html", locale), c.HTML)
	}
	// A Dominican document in Mexican Spanish: country and locale are two things.
	d := delivery(pipeline.ESMX, pipeline.Invite, pipeline.Individual)
	d.User.Country = pipeline.DO
	golden(t, want, "es-MX/invite-1.in-DO.txt", render(t, informal, d).Text)

	files, err := filepath.Glob("testdata/golden/*/*")
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		if !want[filepath.ToSlash(f)] {
			t.Errorf("%s: no test writes this golden file", f)
		}
	}
}

func golden(t *testing.T, seen map[string]bool, name, got string) {
	t.Helper()
	path := "testdata/golden/" + name
	seen[path] = true
	if *update {
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("%s (-want +got); run the test with -update if it is meant:\n%s", path, diff)
	}
}

// formalDir returns a folder that changes both locales to usted.
func formalDir(t testing.TB) string {
	return overrides(t, map[string]string{"es-MX/voice.txt": "usted\n", "es-DO/voice.txt": "usted\n"})
}
