package app

import (
	"os"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/pelletier/go-toml/v2"

	"alta/pipeline"
)

// A setting or a table that stands in config.toml as a comment.
var commentedSetting = regexp.MustCompile(`(?m)^# (\[[a-zA-Z.]+\]|[a-z_]+ = )`)

// uncommentedReference is config.toml with its optional lines in force.
func uncommentedReference(t *testing.T) string {
	t.Helper()
	return commentedSetting.ReplaceAllString(string(standardConfig(t)), "$1")
}

// valuesOf decodes TOML without alta's types: full names and what they hold.
func valuesOf(t *testing.T, text string) map[string]any {
	t.Helper()
	var tree map[string]any
	if err := toml.Unmarshal([]byte(text), &tree); err != nil {
		t.Fatal(err)
	}
	values := map[string]any{}
	var walk func(prefix string, table map[string]any)
	walk = func(prefix string, table map[string]any) {
		for key, value := range table {
			if sub, ok := value.(map[string]any); ok {
				walk(prefix+key+".", sub)
			} else {
				values[prefix+key] = value
			}
		}
	}
	walk("", tree)
	return values
}

func TestReferenceNamesEverySetting(t *testing.T) {
	text := uncommentedReference(t)
	found := valuesOf(t, text)
	for _, s := range settingsOf(&Config{}) {
		if _, ok := found[s.name]; !ok {
			t.Errorf("config.toml lacks %s", s.name)
		}
		delete(found, s.name)
	}
	if len(found) > 0 {
		t.Errorf("config.toml names settings that don't exist: %v", found)
	}
	commented, err := LoadConfig("", []byte(text), standardConfig(t), emptyEnvironment)
	if err != nil {
		t.Fatalf("with the optional lines: %v", err)
	}
	// An optional line shows the default as well.
	if plain := mustLoad(t, ""); plain.String() != commented.String() {
		t.Errorf("the optional lines change something (-plain +with them):\n%s", cmp.Diff(plain.String(), commented.String()))
	}
}

func TestDefaults(t *testing.T) {
	got, err := LoadConfig("", nil, standardConfig(t), emptyEnvironment)
	if err != nil {
		t.Fatal(err)
	}
	hours, err := pipeline.ParseHours("09:00-20:00")
	if err != nil {
		t.Fatal(err)
	}
	want := &Config{
		Database: DatabaseConfig{URL: "alta.db", Path: "alta.db", KeyFile: "alta.db.key"},
		Fleet:    FleetConfig{Lease: 30 * time.Second},
		Capa: CapaConfig{
			BaseURL: "https://staging-api.capa.fi", LinkTTL: 24 * time.Hour, LinkHosts: []string{},
			MinLife: time.Hour, Timeout: 15 * time.Second, Connections: 16, CheckStatus: "off",
		},
		SMTP: SMTPConfig{Port: 587, TLS: "starttls", Connections: 8, Timeout: time.Minute, DotTimeout: 10 * time.Minute, IdleTimeout: 30 * time.Second},
		Plan: PlanConfig{
			Reminders:       []time.Duration{24 * time.Hour, 72 * time.Hour, 168 * time.Hour},
			ReissueOnExpiry: true, MinGap: 20 * time.Hour, MaxMails: 6, MaxLinks: 10,
			SendingHours: "09:00-20:00", Hours: hours, OnDoubt: "resend", Tries: 8, Workers: 64,
		},
		Guard:    GuardConfig{Mails: 1000, Times: 10},
		Schedule: ScheduleConfig{Cron: "*/5 * * * *", TimeZone: "America/Mexico_City"},
		Operator: OperatorConfig{Listen: "127.0.0.1:8080", APIRate: 600},
		Log:      LogConfig{Level: "info", Format: "auto"},
	}
	if diff := cmp.Diff(want, got,
		cmpopts.IgnoreUnexported(Config{}),
		cmpopts.IgnoreFields(ScheduleConfig{}, "Schedule", "Location"),
		cmp.Comparer(pipeline.Secret.Equal),
		cmp.Comparer(func(a, b pipeline.Hours) bool { return a == b }),
	); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if got.Schedule.Location.String() != "America/Mexico_City" {
		t.Errorf("zone is %s", got.Schedule.Location)
	}
}

func TestBrokenDefaultsSayWhereTheyAre(t *testing.T) {
	_, err := LoadConfig("a.toml", nil, []byte("x = 1\n"), emptyEnvironment)
	const want = "default config.toml:1:1: x: unknown setting; config.toml in the documentation lists all"
	if err == nil || err.Error() != want {
		t.Errorf("error is %v, want %s", err, want)
	}
}

// The page shows each setting in a table: | `name` | `default` | meaning |.
var documentedSetting = regexp.MustCompile("(?m)^\\| `([A-Za-z_.]+)` \\| `([^|]*)` \\| (.+) \\|$")

func TestDocumentationShowsEverySettingAndItsDefault(t *testing.T) {
	page, err := os.ReadFile("../../docs/configuration.md")
	if err != nil {
		t.Fatal(err)
	}
	documented := map[string]any{}
	for _, row := range documentedSetting.FindAllStringSubmatch(string(page), -1) {
		documented[row[1]] = valuesOf(t, "value = "+row[2])["value"]
	}
	if diff := cmp.Diff(valuesOf(t, uncommentedReference(t)), documented); diff != "" {
		t.Errorf("docs/configuration.md (-config.toml +page):\n%s", diff)
	}
	for _, s := range secretsOf(&Config{}) {
		if !strings.Contains(string(page), s.env) || !strings.Contains(string(page), s.setting) {
			t.Errorf("docs/configuration.md lacks %s or %s", s.setting, s.env)
		}
	}
}
