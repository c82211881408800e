package app

import (
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"alta/internal/sandbox"
)

var demoCount = regexp.MustCompile(`(?m)^(\d+) mails, as \.eml and \.html: open (\S+)$`)

// The demo runs to its end with nothing set up, plays a user from the mail to verified,
// reminds the others, keeps the mails where it says, and leaves the working directory as
// it was.
func TestDemoOnce(t *testing.T) {
	t.Parallel()
	work, home := t.TempDir(), t.TempDir()
	w := &world{t: t, dir: work, now: time.Now}
	c := w.command("demo", "--once")
	// A real key in the environment must not reach the demo.
	c.Env = []string{"TMPDIR=" + home, "HOME=" + home, "ALTA_CAPA_API_KEY=" + testKey}
	began := time.Now()
	out, err := c.Output()
	if err != nil {
		t.Fatalf("alta demo --once: %v\n%s", err, out)
	}
	if took := time.Since(began); took > 30*time.Second {
		t.Errorf("it took %s", took)
	}
	if left, err := os.ReadDir(work); err != nil || len(left) != 0 {
		t.Errorf("the working directory holds %v (%v)", left, err)
	}

	text := string(out)
	for _, want := range []string{
		"invite 10; failed 1, retry later 1", "reminder 9", "completes the verification, and hears no more",
		"webhook: VERIFIED_USER for Ana Torres Medina", "Nothing: the user is verified", "3 mails, the most that plan.max_mails allows", "Mailbox full",
	} {
		if !strings.Contains(text, want) {
			t.Errorf("the demo shows no %q:\n%s", want, text)
		}
	}
	found := demoCount.FindStringSubmatch(text)
	if found == nil {
		t.Fatalf("the demo does not say where the mails are:\n%s", text)
	}
	folder := filepath.Dir(found[2])
	if n, err := strconv.Atoi(found[1]); err != nil || n < 20 {
		t.Errorf("%s mails, want 20 at least", found[1])
	}
	for _, ending := range []string{".eml", ".html"} {
		files, err := filepath.Glob(filepath.Join(folder, "[0-9]*"+ending))
		check(t, err)
		if strconv.Itoa(len(files)) != found[1] {
			t.Errorf("%d files %s, want %s", len(files), ending, found[1])
		}
		if ending != ".eml" {
			continue
		}
		for _, file := range files {
			raw, err := os.ReadFile(file)
			check(t, err)
			m, err := sandbox.Mail{Raw: raw}.Subject()
			if err != nil || !strings.HasPrefix(m, "Pago Claro") {
				t.Errorf("%s: subject %q (%v)", filepath.Base(file), m, err)
			}
		}
	}
	if strings.Contains(text, "Open ") {
		t.Errorf("it names pages that are gone:\n%s", text)
	}
	// What became of the user is in the ledger as it would be of any other.
	c = w.command("explain", "ana.torres@correo.example", "--config", filepath.Join(filepath.Dir(folder), defaultConfigFile))
	c.Env = []string{"HOME=" + home}
	story, err := c.Output()
	check(t, err)
	for _, want := range []string{"opened", "a verification was opened after a click", "the partner said VERIFIED_USER"} {
		if !strings.Contains(string(story), want) {
			t.Errorf("the story of the user who was played has no %q:\n%s", want, story)
		}
	}
	if _, err := os.Stat(found[2]); err != nil {
		t.Errorf("the list of the mails: %v", err)
	}
}
