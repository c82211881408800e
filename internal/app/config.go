package app

import (
	"cmp"
	"fmt"
	"log/slog"
	"net/mail"
	"strings"
	"time"

	"github.com/robfig/cron/v3"

	"alta/pipeline"
)

// Config holds every setting of alta, checked and resolved by [LoadConfig]. The
// fields with a TOML name stand in config.toml, the reference; those without
// one are derived. Nothing changes it after the start.
type Config struct {
	Database  DatabaseConfig  `toml:"database"`
	Fleet     FleetConfig     `toml:"fleet"`
	Capa      CapaConfig      `toml:"capa"`
	SMTP      SMTPConfig      `toml:"smtp"`
	Brand     BrandConfig     `toml:"brand"`
	Plan      PlanConfig      `toml:"plan"`
	Guard     GuardConfig     `toml:"guard"`
	Schedule  ScheduleConfig  `toml:"schedule"`
	Source    SourceConfig    `toml:"source"`
	Templates TemplatesConfig `toml:"templates"`
	Operator  OperatorConfig  `toml:"operator"`
	Public    PublicConfig    `toml:"public"`
	Webhook   WebhookConfig   `toml:"webhook"`
	Events    EventsConfig    `toml:"events"`
	Log       LogConfig       `toml:"log"`

	// File is the path the settings came from, "" for the embedded default.
	File string `toml:"-"`
	// Warnings are sentences about settings that work and should not be so.
	Warnings []string `toml:"-"`

	places  map[string]place // where the file sets what; no entry for a default
	secrets []ConfigProblem  // secrets that could not be read; see CheckReady
}

// DatabaseConfig says where the ledger is.
type DatabaseConfig struct {
	URL          string          `toml:"url"`
	Path         string          `toml:"-"` // the SQLite file that URL names, "" for a ledger on PostgreSQL
	PasswordFile string          `toml:"password_file"`
	Password     pipeline.Secret `toml:"-"`           // of a ledger on PostgreSQL
	DSN          pipeline.Secret `toml:"-"`           // URL and Password, for PostgreSQL
	Connections  int             `toml:"connections"` // to PostgreSQL; 0 is a good number
	KeyFile      string          `toml:"key_file"`    // made at the first start; "" in the file is beside the database
	Key          pipeline.Secret `toml:"-"`           // ALTA_DATA_KEY, which wins; the zero value leaves it to KeyFile
}

// shared tells whether the ledger is on PostgreSQL, where many machines share it.
func (c DatabaseConfig) shared() bool { return c.Path == "" }

// Name says where the ledger is, without a password.
func (c DatabaseConfig) Name() string { return cmp.Or(c.Path, c.URL) }

// FleetConfig says how this machine takes part in a fleet, which a ledger on
// PostgreSQL has.
type FleetConfig struct {
	Name  string        `toml:"name"` // "" is the host's
	Lease time.Duration `toml:"lease"`
}

// CapaConfig says how to reach the partner API.
type CapaConfig struct {
	BaseURL     string            `toml:"base_url"`
	APIKeyFile  string            `toml:"api_key_file"`
	APIKey      pipeline.Secret   `toml:"-"`
	RedirectURI string            `toml:"redirect_uri"`
	LinkTTL     time.Duration     `toml:"link_ttl"`
	LinkHosts   []string          `toml:"link_hosts"` // lower case; empty is any host
	MinLife     time.Duration     `toml:"min_life"`   // as written; see LeastLife
	Timeout     time.Duration     `toml:"timeout"`
	Rate        float64           `toml:"rate"` // requests per second; 0 is unlimited
	Connections int               `toml:"connections"`
	CheckStatus string            `toml:"check_status"` // "off", "reminders" or "always"; see Asks
	MX          CapaCountryConfig `toml:"MX"`
	DO          CapaCountryConfig `toml:"DO"`
}

// CapaCountryConfig overrides [CapaConfig] for one country.
type CapaCountryConfig struct {
	RedirectURI string `toml:"redirect_uri"`
}

// LeastLife is the life below which a link is minted anew: min_life, capped at
// half of link_ttl, so that a fresh link always counts as usable.
func (c CapaConfig) LeastLife() time.Duration { return min(c.MinLife, c.LinkTTL/2) }

// RedirectURIFor returns where users of the country land after the
// verification; "" leaves it to the partner.
func (c CapaConfig) RedirectURIFor(country pipeline.Country) string {
	own := ""
	switch country {
	case pipeline.MX:
		own = c.MX.RedirectURI
	case pipeline.DO:
		own = c.DO.RedirectURI
	}
	return cmp.Or(own, c.RedirectURI)
}

// SMTPConfig says how to hand over mails.
type SMTPConfig struct {
	Host           string          `toml:"host"`
	Port           int             `toml:"port"`
	TLS            string          `toml:"tls"` // "starttls", "implicit" or "none"
	AllowPlaintext bool            `toml:"allow_plaintext"`
	Username       string          `toml:"username"`
	PasswordFile   string          `toml:"password_file"`
	Password       pipeline.Secret `toml:"-"`
	Auth           string          `toml:"auth"` // lower case; "" is the best the server offers
	From           string          `toml:"from"`
	FromAddress    *mail.Address   `toml:"-"` // nil when From is ""; the domain is ASCII
	ReplyTo        string          `toml:"reply_to"`
	ReplyToAddress *mail.Address   `toml:"-"` // nil when ReplyTo is ""; the domain is ASCII
	LocalName      string          `toml:"local_name"`
	Connections    int             `toml:"connections"`
	Rate           float64         `toml:"rate"` // mails per second; 0 is unlimited
	Timeout        time.Duration   `toml:"timeout"`
	DotTimeout     time.Duration   `toml:"dot_timeout"`
	IdleTimeout    time.Duration   `toml:"idle_timeout"`
	DKIM           DKIMConfig      `toml:"dkim"`
}

// Sender is what mails say of their sender.
func (c SMTPConfig) Sender() string { return c.From + "\n" + c.ReplyTo }

// HelloName is the argument of EHLO: local_name, or the domain of from.
func (c SMTPConfig) HelloName() string {
	if c.LocalName == "" && c.FromAddress != nil {
		return domainOf(c.FromAddress)
	}
	return c.LocalName
}

// DKIMConfig says how mails are signed (RFC 6376); the zero value signs nothing.
type DKIMConfig struct {
	Domain   string          `toml:"domain"`
	Selector string          `toml:"selector"`
	KeyFile  string          `toml:"key_file"`
	Key      pipeline.Secret `toml:"-"` // the PEM text of KeyFile
}

// BrandConfig is what mails say about their sender.
type BrandConfig struct {
	Name         string       `toml:"name"`
	URL          string       `toml:"url"`
	SupportEmail string       `toml:"support_email"`
	LegalName    string       `toml:"legal_name"`
	Address      string       `toml:"address"`
	MX           CountryBrand `toml:"MX"`
	DO           CountryBrand `toml:"DO"`
}

// CountryBrand is a brand as one country sees it.
type CountryBrand struct {
	Name         string `toml:"name"`
	URL          string `toml:"url"`
	SupportEmail string `toml:"support_email"`
	LegalName    string `toml:"legal_name"`
	Address      string `toml:"address"`
	PrivacyURL   string `toml:"privacy_url"`
}

// BrandFor returns the brand for a country: its own values, and those of
// [brand] where it has none.
func (c Config) BrandFor(country pipeline.Country) CountryBrand {
	var own CountryBrand
	switch country {
	case pipeline.MX:
		own = c.Brand.MX
	case pipeline.DO:
		own = c.Brand.DO
	}
	return CountryBrand{
		Name:         cmp.Or(own.Name, c.Brand.Name),
		URL:          cmp.Or(own.URL, c.Brand.URL),
		SupportEmail: cmp.Or(own.SupportEmail, c.Brand.SupportEmail),
		LegalName:    cmp.Or(own.LegalName, c.Brand.LegalName),
		Address:      cmp.Or(own.Address, c.Brand.Address),
		PrivacyURL:   own.PrivacyURL,
	}
}

// PlanConfig says when which mail goes out.
type PlanConfig struct {
	Reminders       []time.Duration `toml:"reminders"`
	ReissueOnExpiry bool            `toml:"reissue_on_expiry"`
	MinGap          time.Duration   `toml:"min_gap"`
	MaxMails        int             `toml:"max_mails"`
	MaxLinks        int             `toml:"max_links"`
	SendingHours    string          `toml:"sending_hours"`
	Hours           pipeline.Hours  `toml:"-"` // SendingHours, parsed
	OnDoubt         string          `toml:"on_doubt"`
	Tries           int             `toml:"tries"`
	Workers         int             `toml:"workers"`
}

// Plan returns the plan of the pipeline.
func (c PlanConfig) Plan() pipeline.Plan {
	return pipeline.Plan{
		Reminders:       c.Reminders,
		ReissueOnExpiry: c.ReissueOnExpiry,
		MinGap:          c.MinGap,
		MaxMails:        c.MaxMails,
		Hours:           c.Hours,
		ResendDoubt:     c.OnDoubt == "resend",
		Tries:           c.Tries,
	}
}

// GuardConfig bounds what one run may mail without an operator's yes.
type GuardConfig struct {
	Mails int `toml:"mails"` // 0 is no bound
	Times int `toml:"times"`
}

// Guard returns the guard of the pipeline.
func (c GuardConfig) Guard() pipeline.Guard { return pipeline.Guard(c) }

// ScheduleConfig says when the daemon makes a run.
type ScheduleConfig struct {
	Cron     string         `toml:"cron"`
	Schedule cron.Schedule  `toml:"-"` // Cron, parsed; its Next follows the zone of its argument
	TimeZone string         `toml:"time_zone"`
	Location *time.Location `toml:"-"` // TimeZone, loaded
}

// SourceConfig names a database of the partner's to pull pending users from;
// the zero value pulls from nowhere.
type SourceConfig struct {
	SQLite string `toml:"sqlite"`
	Query  string `toml:"query"`
}

// TemplatesConfig names a folder that overrides single templates.
type TemplatesConfig struct {
	Dir string `toml:"dir"`
}

// OperatorConfig says where the operator's page, health checks and metrics
// listen.
type OperatorConfig struct {
	Listen      string          `toml:"listen"` // "" is off
	TokenFile   string          `toml:"token_file"`
	Token       pipeline.Secret `toml:"-"`
	TLSCertFile string          `toml:"tls_cert_file"` // PEM, the whole chain; read anew when it changes
	TLSKeyFile  string          `toml:"tls_key_file"`
	BehindProxy bool            `toml:"behind_proxy"` // one that speaks TLS, and names the client
	APIRate     int             `toml:"api_rate"`     // requests a minute, of each token
}

// PublicConfig says where the pages for users and the webhook listen.
type PublicConfig struct {
	Listen  string `toml:"listen"` // "" is off
	BaseURL string `toml:"base_url"`
}

// lasting tells whether mails carry a link to the landing page, that never expires.
func (c PublicConfig) lasting() bool { return c.BaseURL != "" }

// LogConfig says what is logged, and how.
type LogConfig struct {
	Level  string `toml:"level"`
	Format string `toml:"format"` // "auto", "text" or "json"
}

// SlogLevel returns the least level that is logged.
func (c LogConfig) SlogLevel() slog.Level {
	return map[string]slog.Level{
		"debug": slog.LevelDebug, "info": slog.LevelInfo,
		"warn": slog.LevelWarn, "error": slog.LevelError,
	}[c.Level]
}

// String lists the settings, one in a line, and says of each secret only
// whether there is one.
func (c Config) String() string {
	var b strings.Builder
	for _, f := range settingsOf(&c) {
		if isSecretFile(f.name) && !f.value.IsZero() { // It may be the secret itself.
			fmt.Fprintf(&b, "%s = a file\n", f.name)
			continue
		}
		fmt.Fprintf(&b, "%s = %v\n", f.name, f.value.Interface())
	}
	for _, s := range secretsOf(&c) {
		if !s.into.IsZero() {
			fmt.Fprintf(&b, "%s is set\n", s.what)
		}
	}
	return b.String()
}

// LogValue sums up the configuration for a log line: where it came from and
// which database and servers it names.
func (c Config) LogValue() slog.Value {
	return slog.GroupValue(
		slog.String("file", c.File),
		slog.String("database", c.Database.Name()),
		slog.String("capa", c.Capa.BaseURL),
		slog.String("smtp", c.SMTP.Host),
		slog.String("cron", c.Schedule.Cron),
	)
}
