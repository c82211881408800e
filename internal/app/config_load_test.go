package app

import (
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"alta/pipeline"
)

// standardConfig is the reference file, the same that the binary embeds.
func standardConfig(t testing.TB) []byte {
	t.Helper()
	data, err := os.ReadFile("../../config.toml")
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func emptyEnvironment(string) string { return "" }

func loadText(t testing.TB, text string) (*Config, error) {
	t.Helper()
	return LoadConfig("my.toml", []byte(text), standardConfig(t), emptyEnvironment)
}

func mustLoad(t testing.TB, text string) *Config {
	t.Helper()
	c, err := loadText(t, text)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestGoodConfig(t *testing.T) {
	for _, test := range []struct {
		name, text string
		got        func(*Config) any
		want       any
	}{
		{"a file of its own needs only what differs", "", func(c *Config) any { return c.SMTP.Port }, 587},
		{"a value in the file wins over the default", "[smtp]\nport = 2525", func(c *Config) any { return c.SMTP.Port }, 2525},
		{"an array replaces the default as a whole", "[plan]\nreminders = [\"2s\"]", func(c *Config) any { return c.Plan.Reminders }, []time.Duration{2 * time.Second}},
		{"no reminders are allowed", "[plan]\nreminders = []", func(c *Config) any { return c.Plan.Reminders }, []time.Duration{}},
		{"a byte order mark and CRLF are no problem", "\ufeff[smtp]\r\nport = 25\r\n", func(c *Config) any { return c.SMTP.Port }, 25},
		{"a whole number is a rate", "[smtp]\nrate = 5", func(c *Config) any { return c.SMTP.Rate }, 5.0},
		{"a fraction is a rate", "[capa]\nrate = 0.5", func(c *Config) any { return c.Capa.Rate }, 0.5},
		{"dotted keys work", "smtp.dkim.domain = 'a.example'\nsmtp.dkim.selector = 's'\nsmtp.dkim.key_file = '/k'", func(c *Config) any { return c.SMTP.DKIM.Domain }, "a.example"},
		{"inline tables work", "brand = { name = 'A', MX = { name = 'B' } }", func(c *Config) any { return c.Brand.MX.Name }, "B"},
		{"the partner may be on a loopback host", "[capa]\nbase_url = \"http://127.0.0.1:8081/\"", func(c *Config) any { return c.Capa.BaseURL }, "http://127.0.0.1:8081"},
		{"an app's scheme is a place to land", "[capa]\nredirect_uri = \"myapp://kyc/done\"", func(c *Config) any { return c.Capa.RedirectURIFor(pipeline.MX) }, "myapp://kyc/done"},
		{"a country has its own place to land", "[capa]\nredirect_uri = \"https://a.example\"\n[capa.DO]\nredirect_uri = \"https://do.a.example\"",
			func(c *Config) any {
				return []string{c.Capa.RedirectURIFor(pipeline.MX), c.Capa.RedirectURIFor(pipeline.DO)}
			}, []string{"https://a.example", "https://do.a.example"}},
		{"link hosts are compared in lower case", "[capa]\nlink_hosts = [\"KYC.example.com\"]", func(c *Config) any { return c.Capa.LinkHosts }, []string{"kyc.example.com"}},
		{"a link host may stand for all hosts below it", "[capa]\nlink_hosts = [\".example.com\"]", func(c *Config) any { return c.Capa.LinkHosts }, []string{".example.com"}},
		{"min_life counts as it is", "[capa]\nlink_ttl = \"24h\"\nmin_life = \"2h\"", func(c *Config) any { return c.Capa.LeastLife() }, 2 * time.Hour},
		{"min_life is capped at half of link_ttl", "[capa]\nlink_ttl = \"10s\"", func(c *Config) any { return c.Capa.LeastLife() }, 5 * time.Second},
		{"plain text to a loopback host is allowed", "[smtp]\nhost = \"localhost\"\ntls = \"none\"", func(c *Config) any { return c.SMTP.TLS }, "none"},
		{"plain text elsewhere is allowed with permission", "[smtp]\nhost = \"mail\"\ntls = \"none\"\nallow_plaintext = true", func(c *Config) any { return c.SMTP.TLS }, "none"},
		{"a mechanism is written in any case", "[smtp]\nauth = \"SCRAM-SHA-256\"", func(c *Config) any { return c.SMTP.Auth }, "scram-sha-256"},
		{"a sender with a comma is quoted", "[smtp]\nfrom = '\"Acme, S.A.\" <hola@acme.mx>'", func(c *Config) any { return c.SMTP.FromAddress.Name }, "Acme, S.A."},
		{"a sender's international domain turns to ASCII", "[smtp]\nfrom = \"hola@añil.mx\"", func(c *Config) any { return c.SMTP.FromAddress.Address }, "hola@xn--ail-7ma.mx"},
		{"EHLO says the sender's domain", "[smtp]\nfrom = \"A <hola@acme.mx>\"", func(c *Config) any { return c.SMTP.HelloName() }, "acme.mx"},
		{"EHLO says what the file says", "[smtp]\nfrom = \"A <hola@acme.mx>\"\nlocal_name = \"[192.0.2.1]\"", func(c *Config) any { return c.SMTP.HelloName() }, "[192.0.2.1]"},
		{"EHLO says nothing while nothing is known", "", func(c *Config) any { return c.SMTP.HelloName() }, ""},
		{"a leap day comes", "[schedule]\ncron = \"0 9 29 2 *\"", func(c *Config) any { return c.Schedule.Cron }, "0 9 29 2 *"},
		{"a schedule follows its zone", "[schedule]\ncron = \"0 9 * * *\"\ntime_zone = \"America/Santo_Domingo\"", func(c *Config) any {
			return c.Schedule.Schedule.Next(time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC).In(c.Schedule.Location)).UTC()
		}, time.Date(2026, 1, 1, 13, 0, 0, 0, time.UTC)},
		{"sending hours end at midnight", "[plan]\nsending_hours = \"08:00-24:00\"", func(c *Config) any { return c.Plan.SendingHours }, "08:00-24:00"},
		{"any hour is allowed", "[plan]\nsending_hours = \"\"", func(c *Config) any { return c.Plan.Hours == pipeline.Hours{} }, true},
		{"the plan holds a mail in doubt", "[plan]\non_doubt = \"hold\"", func(c *Config) any { return c.Plan.Plan().ResendDoubt }, false},
		{"a query has several lines", "[source]\nsqlite = \"/app.db\"\nquery = \"\"\"\nSELECT 1\nFROM users\"\"\"", func(c *Config) any { return c.Source.Query }, "SELECT 1\nFROM users"},
		{"a listener may be off", "[operator]\nlisten = \"\"", func(c *Config) any { return c.Operator.Listen }, ""},
		{"a listener takes any free port", "[operator]\nlisten = \"[::1]:0\"", func(c *Config) any { return c.Operator.Listen }, "[::1]:0"},
		{"a level is slog's", "[log]\nlevel = \"warn\"", func(c *Config) any { return c.Log.SlogLevel() }, slog.LevelWarn},
		{"an odd port is only a warning", "[smtp]\ntls = \"implicit\"", func(c *Config) any { return c.Warnings },
			[]string{`smtp.port: 587 usually speaks "starttls"; tls = "implicit" usually goes with 465`}},
		{"more requests at one time than deliveries are only a warning", "[capa]\nconnections = 384", func(c *Config) any { return c.Warnings },
			[]string{`plan.workers: with 64 deliveries in flight no more than 64 of the 384 capa.connections are ever used; make it more than capa.connections and smtp.connections together`}},
		{"so are more connections to the mail server", "[plan]\nworkers = 4\n[smtp]\nconnections = 5", func(c *Config) any { return c.Warnings },
			[]string{`plan.workers: with 4 deliveries in flight no more than 4 of the 5 smtp.connections are ever used; make it more than capa.connections and smtp.connections together`}},
		{"fewer deliveries than the connections that nobody asked for are just a choice", "[plan]\nworkers = 1", func(c *Config) any { return c.Warnings }, []string(nil)},
		{"the public pages have an address", "[public]\nlisten = \":8443\"\nbase_url = \"https://kyc.acme.example\"", func(c *Config) any { return c.Warnings }, []string(nil)},
		{"the slash at its end goes", "[public]\nlisten = \":8443\"\nbase_url = \"https://acme.example/kyc/\"", func(c *Config) any { return c.Public.BaseURL }, "https://acme.example/kyc"},
		{"an address that another machine of the fleet answers is only a warning", "[database]\nurl = \"postgres://alta@db.example/alta?sslmode=verify-full\"\n[public]\nbase_url = \"https://kyc.acme.example\"", func(c *Config) any { return c.Warnings },
			[]string{"public.base_url: the links in mails lead there, but public.listen is off, so this machine answers none; another one must"}},
		{"so is a listener for the webhook alone", "[public]\nlisten = \":8443\"", func(c *Config) any { return c.Warnings },
			[]string{"public.listen: without public.base_url mails carry the KYC links themselves; only the webhook is answered there"}},
		{"so is an address on this machine", "[public]\nlisten = \"127.0.0.1:8081\"\nbase_url = \"http://127.0.0.1:8081\"", func(c *Config) any { return c.Warnings },
			[]string{"public.base_url: it is on this machine, so nobody else can open the links in mails"}},
		{"a listener that speaks TLS may be for everybody", "[operator]\nlisten = \"0.0.0.0:8443\"\ntls_cert_file = \"c.pem\"\ntls_key_file = \"k.pem\"", func(c *Config) any { return c.Operator.encrypted() }, true},
		{"so may one behind a proxy", "[operator]\nlisten = \":8080\"\nbehind_proxy = true", func(c *Config) any { return c.Operator.encrypted() }, true},
		{"a listener on this machine needs neither", "[operator]\nlisten = \"localhost:8080\"", func(c *Config) any { return c.Operator.encrypted() }, false},
		{"two listeners that take any port are two", "[operator]\nlisten = \"127.0.0.1:0\"\n[public]\nlisten = \"127.0.0.1:0\"\nbase_url = \"https://kyc.acme.example\"", func(c *Config) any { return c.Warnings }, []string(nil)},
		{"events go to an https address", "[events]\nurl = \"https://acme.example/hooks/alta\"", func(c *Config) any { return c.Events.URL }, "https://acme.example/hooks/alta"},
		{"or to one of this machine", "[events]\nurl = \"http://127.0.0.1:9000/\"", func(c *Config) any { return c.Events.URL }, "http://127.0.0.1:9000/"},
	} {
		t.Run(test.name, func(t *testing.T) {
			if diff := cmp.Diff(test.want, test.got(mustLoad(t, test.text))); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

func TestBrandForMergesByCountry(t *testing.T) {
	c := mustLoad(t, `
[brand]
name = "Acme"
url = "https://acme.example"
legal_name = "Acme Inc."

[brand.DO]
name = "Acme Dominicana"
legal_name = "Acme SRL"
privacy_url = "https://acme.example/do/privacidad"
`)
	want := map[pipeline.Country]CountryBrand{
		pipeline.MX: {Name: "Acme", URL: "https://acme.example", LegalName: "Acme Inc."},
		pipeline.DO: {Name: "Acme Dominicana", URL: "https://acme.example", LegalName: "Acme SRL", PrivacyURL: "https://acme.example/do/privacidad"},
	}
	for country, brand := range want {
		if diff := cmp.Diff(brand, c.BrandFor(country)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", country, diff)
		}
	}
}

func TestPathsStartAtTheFolderOfTheFile(t *testing.T) {
	text := []byte("[database]\nurl = \"sqlite:data/alta.db\"\n[source]\nsqlite = \"app.db\"\nquery = \"q\"\n[templates]\ndir = \"/srv/mails\"\n[capa]\napi_key_file = \"key\"\n")
	for _, test := range []struct {
		name, path string
		want       []string
	}{
		{"with a file", "/etc/alta/alta.toml", []string{"/etc/alta/data/alta.db", "/etc/alta/app.db", "/srv/mails", "/etc/alta/key"}},
		{"with a file in the working directory", "alta.toml", []string{"data/alta.db", "app.db", "/srv/mails", "key"}},
		{"with the embedded default, at the working directory", "", []string{"data/alta.db", "app.db", "/srv/mails", "key"}},
	} {
		c, err := LoadConfig(test.path, text, standardConfig(t), emptyEnvironment)
		if err != nil {
			t.Fatal(err)
		}
		got := []string{c.Database.Path, c.Source.SQLite, c.Templates.Dir, c.Capa.APIKeyFile}
		if diff := cmp.Diff(test.want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", test.name, diff)
		}
	}
}

func TestDatabasePath(t *testing.T) {
	for address, want := range map[string]string{
		"alta.db":                  "alta.db",
		"/var/lib/alta/alta.db":    "/var/lib/alta/alta.db",
		"sqlite:alta.db":           "alta.db",
		"sqlite:/var/lib/a.db":     "/var/lib/a.db",
		"sqlite:///var/lib/a.db":   "/var/lib/a.db",
		"file:alta.db":             "alta.db",
		"FILE:///var/lib/alta.db":  "/var/lib/alta.db",
		"./with: colon/alta.db":    "./with: colon/alta.db",
		`C:\ProgramData\alta.db`:   `C:\ProgramData\alta.db`,
		"sqlite://relative/a.db":   "",
		"file://host.example/a.db": "",
		"postgresql://db/alta":     "",
		"file::memory:":            "",
		"":                         "",
	} {
		got, err := databasePath(address)
		if got != want || (err == nil) != (want != "") {
			t.Errorf("databasePath(%q) = %q, %v; want %q", address, got, err, want)
		}
	}
}

func TestCheckReadyNamesWhatIsMissing(t *testing.T) {
	for _, test := range []struct{ name, path, text, want string }{
		{"nothing is set, and there is no file", "", "",
			"capa.api_key_file: not set, expected a file with the API key of the partner, or ALTA_CAPA_API_KEY in the environment\n" +
				"smtp.host: not set, expected the host name of the SMTP server\n" +
				"smtp.from: not set, expected the sender, for example \"Acme <hola@acme.example>\"\n" +
				"brand.name: not set, expected the name that mails speak in"},
		{"an empty setting has a position, a missing one has none", "a.toml",
			"[capa]\nbase_url = \"\"\napi_key_file = \"\"\n[smtp]\nfrom = \"a@b.example\"\nhost = \"\"\nusername = \"u\"\n[brand]\nname = \"Acme\"",
			"a.toml:2:12: capa.base_url: not set, expected the address of the partner API\n" +
				"a.toml:3:16: capa.api_key_file: not set, expected a file with the API key of the partner, or ALTA_CAPA_API_KEY in the environment\n" +
				"a.toml:6:8: smtp.host: not set, expected the host name of the SMTP server\n" +
				"a.toml: smtp.password_file: not set, expected a file with the password of smtp.username, or ALTA_SMTP_PASSWORD in the environment"},
		{"a mechanism belongs to a user", "a.toml",
			"[smtp]\nhost = \"h\"\nfrom = \"a@b.example\"\nauth = \"plain\"\n[brand]\nname = \"A\"\n",
			"a.toml: capa.api_key_file: not set, expected a file with the API key of the partner, or ALTA_CAPA_API_KEY in the environment\n" +
				"a.toml: smtp.username: not set, expected the user that smtp.auth and the SMTP password belong to"},
		{"a brand for each country will do", "a.toml",
			"[smtp]\nhost = \"h\"\nfrom = \"a@b.example\"\n[brand.MX]\nname = \"A\"\n[brand.DO]\nname = \"B\"\n",
			"a.toml: capa.api_key_file: not set, expected a file with the API key of the partner, or ALTA_CAPA_API_KEY in the environment"},
	} {
		t.Run(test.name, func(t *testing.T) {
			c, err := LoadConfig(test.path, []byte(test.text), standardConfig(t), emptyEnvironment)
			if err != nil {
				t.Fatal(err)
			}
			err = c.CheckReady()
			if _, ok := errors.AsType[*ConfigError](err); !ok {
				t.Fatalf("error is a %T, want *ConfigError", err)
			}
			if diff := cmp.Diff(test.want, err.Error()); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

func TestConfigHidesItsSecrets(t *testing.T) {
	environment := map[string]string{
		"ALTA_CAPA_API_KEY": "hunter2", "ALTA_SMTP_PASSWORD": "hunter2",
		"ALTA_OPERATOR_TOKEN": "hunter2-hunter2-hunter2", "ALTA_WEBHOOK_SECRET": "hunter2", "ALTA_WEBHOOK_PREVIOUS_SECRET": "hunter2", "ALTA_EVENTS_SECRET": "hunter2",
	}
	c, err := LoadConfig("", []byte("smtp.host = 'h'\nsmtp.username = 'u'\nsmtp.from = 'a@b.example'\nbrand.name = 'B'"), standardConfig(t),
		func(name string) string { return environment[name] })
	if err != nil {
		t.Fatal(err)
	}
	if err := c.CheckReady(); err != nil {
		t.Fatal(err)
	}
	want := []string{
		"a webhook secret is set, but public.listen is not: no webhook comes in",
	}
	if diff := cmp.Diff(want, c.Warnings); diff != "" {
		t.Errorf("warnings (-want +got):\n%s", diff)
	}
	if c.Capa.APIKey.Reveal() != "hunter2" {
		t.Fatal("there is no secret to hide")
	}
	var log strings.Builder
	slog.New(slog.NewTextHandler(&log, nil)).Info("start", "config", c)
	encoded, err := json.Marshal(c)
	if err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string]string{
		"%v": fmt.Sprintf("%v", c), "%+v": fmt.Sprintf("%+v", *c), "%#v": fmt.Sprintf("%#v", *c),
		"String": c.String(), "slog": log.String(), "JSON": string(encoded),
	} {
		if text == "" || strings.Contains(text, "hunter2") {
			t.Errorf("%s shows a secret, or nothing: %s", name, text)
		}
	}
	for _, part := range []string{"smtp.port = 587\n", "capa.timeout = 15s\n", "the API key of the partner is set\n"} {
		if !strings.Contains(c.String(), part) {
			t.Errorf("String lacks %q", part)
		}
	}
	if !strings.Contains(log.String(), "config.smtp=h") {
		t.Errorf("the log line lacks the SMTP host: %s", log.String())
	}
}

func TestNearestGuessesOnlyWhatIsNear(t *testing.T) {
	known := []string{"smtp", "plan", "log", "smtp.host", "smtp.port", "plan.workers", "capa.rate", "smtp.rate", "public.listen"}
	for name, want := range map[string]string{
		"smtp.hosts": "smtp.host", "smtp.prot": "smtp.port", "stmp": "smtp", "plan.worker": "plan.workers",
		"workers": "plan.workers", "smtp.rat": "smtp.rate", "capa.rat": "capa.rate",
		"logging": "", "zzz.yyy": "", "plan.x": "", "": "",
	} {
		if got := nearest(name, known); got != want {
			t.Errorf("nearest(%q) = %q, want %q", name, got, want)
		}
	}
}
