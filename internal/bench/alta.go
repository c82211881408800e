package main

import (
	"cmp"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"alta/pipeline"
	"alta/templates"
)

// settings are what differs between the configurations of alta.
type settings struct {
	api   string // base URL
	smtp  string // host:port
	hours string // plan.sending_hours
	cron  string // "" rings once a year
	log   string // the level; "" is the default

	database    string // of PostgreSQL; "" is a file beside the configuration
	calls       int    // capa.connections; 0 is what all measurements have
	connections int    // smtp.connections, likewise
	workers     int    // plan.workers, likewise
}

// anyTime sends at any hour, whenever the bench runs.
const anyTime = ""

const (
	yearly   = "0 0 1 1 *"
	logLevel = "info"
	keyFile  = "data.key" // beside the configuration of a ledger on PostgreSQL

	// For commands that talk to nobody: the ports of no server.
	nowhereAPI  = "http://127.0.0.1:1"
	nowhereSMTP = "127.0.0.1:1"
)

// configure writes config.toml into the folder, beside its ledger, and returns
// the path. What is not named has its default.
func configure(folder string, s settings) (string, error) {
	host, port, _ := strings.Cut(s.smtp, ":")
	text := fmt.Sprintf(`[capa]
base_url = %q
link_hosts = ["kyc.sandbox.example"]
connections = %d

[smtp]
host = %q
port = %s
tls = "none"
from = "%s <%s>"
connections = %d

[plan]
sending_hours = %q
workers = %d

[guard]
mails = 0

[schedule]
cron = %q

[operator]
listen = "127.0.0.1:0"

[log]
level = %q
format = "json"
`, s.api, cmp.Or(s.calls, altaCalls), host, port, senderName, senderAddress, cmp.Or(s.connections, smtpConnections),
		s.hours, cmp.Or(s.workers, altaWorkers), cmp.Or(s.cron, yearly), cmp.Or(s.log, logLevel))
	of := brands()
	text += brandTable("brand", of[pipeline.MX], false)
	for _, country := range []pipeline.Country{pipeline.MX, pipeline.DO} {
		text += brandTable("brand."+string(country), of[country], true)
	}
	if s.database != "" {
		text += fmt.Sprintf("\n[database]\nurl = %q\nkey_file = %q\n\n[fleet]\nlease = %q\n", s.database, keyFile, fleetLease)
		if err := os.WriteFile(filepath.Join(folder, keyFile), []byte(dataKey()), 0o600); err != nil {
			return "", err
		}
	}
	path := filepath.Join(folder, "config.toml")
	return path, os.WriteFile(path, []byte(text), 0o600)
}

func brandTable(name string, b templates.Brand, ofCountry bool) string {
	text := fmt.Sprintf("\n[%s]\nname = %q\nurl = %q\nsupport_email = %q\nlegal_name = %q\naddress = %q\n",
		name, b.Name, b.URL, b.SupportEmail, b.LegalName, b.Address)
	if ofCountry {
		text += fmt.Sprintf("privacy_url = %q\n", b.PrivacyURL)
	}
	return text
}

// nowhere are settings for commands that talk to nobody.
func nowhere(hours string) settings {
	return settings{api: nowhereAPI, smtp: nowhereSMTP, hours: hours}
}

// altaCommand is the released program, with a configuration and its key.
func (b *bench) altaCommand(ctx context.Context, config string, args ...string) *child {
	c := b.command(ctx, b.alta, append(args, "--config", config)...)
	c.cmd.Dir = filepath.Dir(config)
	c.cmd.Env = altaEnvironment(os.Environ())
	return c
}

// altaEnvironment is the environment without what would reach into alta's
// configuration, and with the key of the sandbox.
func altaEnvironment(env []string) (clean []string) {
	for _, entry := range env {
		if !strings.HasPrefix(entry, "ALTA_") {
			clean = append(clean, entry)
		}
	}
	return append(clean, "ALTA_CAPA_API_KEY="+sandboxKey)
}

// runReport is the report of a run, as far as the bench needs it.
type runReport struct {
	Selected   int   `json:"selected"`
	Sent       int   `json:"sent"`
	DurationMS int64 `json:"duration_ms"`
}

// sentAll reads the report of 'alta run --json' and makes sure that every mail
// was sent.
func sentAll(c *child, mails int) (runReport, error) {
	var r runReport
	if err := c.decode(&r); err != nil {
		return r, err
	}
	if r.Selected != mails || r.Sent != mails {
		return r, fmt.Errorf("alta selected %d and sent %d of %d mails", r.Selected, r.Sent, mails)
	}
	return r, nil
}

// importUsers runs 'alta users import' and makes sure that all are added.
func (b *bench) importUsers(ctx context.Context, config, csv string, want int) (usage, error) {
	c := b.altaCommand(ctx, config, "users", "import", "--json", csv)
	u, err := c.run()
	if err != nil {
		return u, err
	}
	var counts struct {
		Added int `json:"added"`
		Bad   int `json:"bad"`
	}
	if err := c.decode(&counts); err != nil {
		return u, err
	}
	if counts.Added != want || counts.Bad != 0 {
		return u, fmt.Errorf("alta added %d of %d users and skipped %d", counts.Added, want, counts.Bad)
	}
	return u, nil
}
