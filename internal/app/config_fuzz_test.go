package app

import (
	"errors"
	"path/filepath"
	"strings"
	"testing"
)

func FuzzLoadConfig(f *testing.F) {
	standard := standardConfig(f)
	f.Add(string(standard))
	for _, text := range []string{
		"", "[smtp]\nport = 1\n", "capa = \"x\"", "[[plan]]\nworkers = 2\n[plan.x]\ny = 1", "plan.reminders = [\"1h\", 2, [3]]",
		"a.\"b.c\".'d' = { e = [ { f = 1 } ] }", "[schedule]\ncron = \"TZ=0\"", "schedule.cron = \"@every 1ns\"", "smtp.host.x = 1",
		"[capa]\napi_key = \"hunter2\"", "\xef\xbb\xbf[log]\r\nlevel = \"debug\"\r\n", "[brand]\nname = \"Ñ\" \"", "database.url = \"postgres://a:b@c\"",
		"[capa]\napi_key_file = \"$CREDENTIALS_DIRECTORY/x\"", "smtp.from = \"a@b.example\"\nsmtp.tls = 'none'",
	} {
		f.Add(text)
	}
	file := filepath.Join(f.TempDir(), "config.toml")
	f.Fuzz(func(t *testing.T, text string) {
		c, err := LoadConfig(file, []byte(text), standard, emptyEnvironment)
		if err != nil {
			if c != nil {
				t.Fatal("both a configuration and an error")
			}
			problems, ok := errors.AsType[*ConfigError](err)
			if !ok || len(problems.Problems) == 0 {
				t.Fatalf("error is a %T without problems: %v", err, err)
			}
			lines := 1 + strings.Count(text, "\n")
			for _, p := range problems.Problems {
				if p.Line > lines || p.Text == "" || strings.Contains(p.String(), "\n") {
					t.Fatalf("problem %q of a text with %d lines", p, lines)
				}
			}
			return
		}
		if c.Schedule.Schedule == nil || c.Schedule.Location == nil || c.Database.Path == "" || c.String() == "" {
			t.Fatalf("loaded a configuration that can't work: %s", c)
		}
		_ = c.CheckReady()
	})
}
