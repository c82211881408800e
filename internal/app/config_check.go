package app

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	"alta/internal/capa"
	"alta/pipeline"
	"alta/store"
)

// configCheck looks at what the types can't say: ranges, choices, addresses and
// settings that belong together. On the way it fills the derived fields.
type configCheck struct {
	config   *Config
	problems []ConfigProblem
	refused  map[string]bool // a setting is reported once
}

func (k *configCheck) run() {
	k.noControlCharacters()
	k.database()
	k.capa()
	k.smtp()
	k.dkim()
	k.brand()
	k.plan()
	k.guard()
	k.schedule()
	k.source()
	k.operator()
	k.events()
	k.public()
	k.log()
}

func (k *configCheck) noControlCharacters() {
	for _, s := range settingsOf(k.config) {
		switch v := s.value.Interface().(type) {
		case string:
			if isSecretFile(s.name) && hasControl(v) { // It may be the secret itself.
				k.fail(s.name, "found something else, expected the path of a file")
			}
			k.require(s.name == "source.query" || !hasControl(v), s.name, v, "a single line without control characters")
		case []string:
			for i, element := range v {
				k.require(!hasControl(element), elementName(s.name, i), element, "a single line without control characters")
			}
		}
	}
}

func (k *configCheck) database() {
	c := &k.config.Database
	if isPostgres(c.URL) {
		if err := checkPostgres(c.URL); err != nil {
			k.fail("database.url", err.Error())
		}
	} else {
		path, err := databasePath(c.URL)
		if err != nil {
			k.fail("database.url", err.Error())
			return
		}
		c.Path = path
	}
	k.between("database.connections", c.Connections, 0, 1000)
	k.require(c.Connections == 0 || c.Connections >= fewestConnections, "database.connections", fmt.Sprint(c.Connections), "0, or 6 and more: River listens on one, and a machine that lacks one can't beat")
	k.positive("fleet.lease", k.config.Fleet.Lease)
	k.require(k.config.Fleet.Lease >= shortestLease, "fleet.lease", k.config.Fleet.Lease.String(), "1s or more")
	k.require(len(k.config.Fleet.Name) <= 60 && !strings.ContainsAny(k.config.Fleet.Name, " \t"), "fleet.name", k.config.Fleet.Name, "a name without blanks, of 60 bytes at most")
	if _, err := store.ParseKey(pipeline.NewSecret(c.KeyFile)); err == nil {
		k.fail(keySetting, "found a data key, expected the path of the file that holds it")
	}
}

const (
	fewestConnections = 6
	shortestLease     = time.Second
)

func (k *configCheck) capa() {
	c := &k.config.Capa
	if c.BaseURL != "" {
		k.follow("capa.base_url", c.BaseURL, capa.CheckBaseURL)
		c.BaseURL = strings.TrimRight(c.BaseURL, "/")
	}
	for name, uri := range map[string]string{
		"capa.redirect_uri": c.RedirectURI, "capa.MX.redirect_uri": c.MX.RedirectURI, "capa.DO.redirect_uri": c.DO.RedirectURI,
	} {
		if uri != "" {
			k.follow(name, uri, capa.CheckRedirectURI)
		}
	}
	k.positive("capa.link_ttl", c.LinkTTL)
	k.positive("capa.timeout", c.Timeout)
	for i, host := range c.LinkHosts {
		c.LinkHosts[i] = strings.ToLower(host)
		k.follow(elementName("capa.link_hosts", i), host, capa.CheckLinkHost)
	}
	k.rate("capa.rate", c.Rate)
	k.between("capa.connections", c.Connections, 1, 1024)
	k.choice("capa.check_status", c.CheckStatus, "off", "reminders", "always")
}

func (k *configCheck) smtp() {
	c := &k.config.SMTP
	k.require(c.Host == "" || isHost(c.Host), "smtp.host", c.Host, "a host name or an IP address; the port belongs in smtp.port")
	k.between("smtp.port", c.Port, 1, 65535)
	k.choice("smtp.tls", c.TLS, "starttls", "implicit", "none")
	k.require(c.TLS != "none" || c.AllowPlaintext || c.Host == "" || isLoopback(c.Host), "smtp.tls", c.TLS,
		`"starttls" or "implicit": mails and the password would cross the network in clear (smtp.allow_plaintext = true permits it)`)
	c.Auth = strings.ToLower(c.Auth)
	k.choice("smtp.auth", c.Auth, "", "plain", "login", "cram-md5",
		"scram-sha-1", "scram-sha-256", "scram-sha-1-plus", "scram-sha-256-plus", "xoauth2")
	if c.From != "" {
		var err error
		c.FromAddress, err = parseMailbox(c.From)
		k.require(err == nil, "smtp.from", c.From, `a mailbox such as "Acme <hola@acme.example>"`)
	}
	if c.ReplyTo != "" {
		var err error
		c.ReplyToAddress, err = parseMailbox(c.ReplyTo)
		k.require(err == nil, "smtp.reply_to", c.ReplyTo, `a mailbox such as "Acme <ayuda@acme.example>"`)
	}
	k.require(c.LocalName == "" || isHostName(c.LocalName) || isAddressLiteral(c.LocalName), "smtp.local_name", c.LocalName,
		`a host name or an address literal such as "[192.0.2.1]"`)
	k.between("smtp.connections", c.Connections, 1, 256)
	k.rate("smtp.rate", c.Rate)
	k.positive("smtp.timeout", c.Timeout)
	k.positive("smtp.dot_timeout", c.DotTimeout)
	k.positive("smtp.idle_timeout", c.IdleTimeout)

	switch {
	case c.TLS == "implicit" && c.Port == 587:
		k.warn(`smtp.port: 587 usually speaks "starttls"; tls = "implicit" usually goes with 465`)
	case c.TLS == "starttls" && c.Port == 465:
		k.warn(`smtp.port: 465 usually speaks "implicit" TLS; tls = "starttls" usually goes with 587`)
	}
}

func (k *configCheck) dkim() {
	c := k.config.SMTP.DKIM
	k.together(map[string]string{
		"smtp.dkim.domain": c.Domain, "smtp.dkim.selector": c.Selector, "smtp.dkim.key_file": c.KeyFile,
	})
	k.require(c.Domain == "" || isHostName(c.Domain), "smtp.dkim.domain", c.Domain, `a domain such as "acme.example"`)
	k.require(c.Selector == "" || isHostName(c.Selector), "smtp.dkim.selector", c.Selector, `a selector such as "alta2026"`)
}

func (k *configCheck) brand() {
	b := k.config.Brand
	for name, url := range map[string]string{
		"brand.url": b.URL, "brand.MX.url": b.MX.URL, "brand.DO.url": b.DO.URL,
		"brand.MX.privacy_url": b.MX.PrivacyURL, "brand.DO.privacy_url": b.DO.PrivacyURL,
	} {
		k.require(url == "" || isHTTPS(url), name, url, "an https address")
	}
	for name, address := range map[string]string{
		"brand.support_email": b.SupportEmail, "brand.MX.support_email": b.MX.SupportEmail, "brand.DO.support_email": b.DO.SupportEmail,
	} {
		k.require(address == "" || isPlainAddress(address), name, address, `a plain address such as "ayuda@acme.example"`)
	}
}

func (k *configCheck) plan() {
	c := &k.config.Plan
	last := time.Duration(0)
	for i, delay := range c.Reminders {
		k.require(delay > last, elementName("plan.reminders", i), delay.String(), "more than "+durationText(last)+": each reminder is later than the one before")
		last = max(last, delay)
	}
	k.require(c.MaxMails >= 1, "plan.max_mails", c.MaxMails, "1 or more")
	k.between("plan.max_links", c.MaxLinks, 1, 100)
	hours, err := pipeline.ParseHours(c.SendingHours)
	c.Hours = hours
	k.require(err == nil, "plan.sending_hours", c.SendingHours,
		`"HH:MM-HH:MM" that begins before it ends, such as "09:00-20:00", or "" for any time`)
	k.choice("plan.on_doubt", c.OnDoubt, "resend", "hold")
	k.between("plan.tries", c.Tries, 1, 100)
	k.between("plan.workers", c.Workers, 1, 4096)
	k.busy("capa.connections", k.config.Capa.Connections)
	k.busy("smtp.connections", k.config.SMTP.Connections)
}

// busy warns of connections that were asked for and can't all be used, because
// fewer deliveries are in flight.
func (k *configCheck) busy(setting string, connections int) {
	workers := k.config.Plan.Workers
	if _, set := k.config.places[setting]; set && connections > workers && workers > 0 {
		k.warn(fmt.Sprintf("plan.workers: with %d deliveries in flight no more than %d of the %d %s are ever used; make it more than capa.connections and smtp.connections together",
			workers, workers, connections, setting))
	}
}

func (k *configCheck) guard() {
	c := k.config.Guard
	k.require(c.Mails >= 0, "guard.mails", c.Mails, "0 (the guard is off) or more")
	k.between("guard.times", c.Times, 1, 1000)
}

func (k *configCheck) schedule() {
	c := &k.config.Schedule
	schedule, err := parseCron(c.Cron)
	if err != nil {
		k.fail("schedule.cron", fmt.Sprintf("found %s, expected %s", shown(c.Cron), err))
	}
	c.Schedule = schedule
	// "" and "Local" load as well, and mean whatever this machine is set to.
	location, err := time.LoadLocation(c.TimeZone)
	k.require(err == nil && c.TimeZone != "" && c.TimeZone != "Local", "schedule.time_zone", c.TimeZone,
		`an IANA time zone such as "America/Mexico_City"`)
	c.Location = location
}

func (k *configCheck) source() {
	c := k.config.Source
	k.together(map[string]string{"source.sqlite": c.SQLite, "source.query": strings.TrimSpace(c.Query)})
}

const listenExpected = `"HOST:PORT" such as "127.0.0.1:8080", or "" for off`

func (k *configCheck) log() {
	c := k.config.Log
	k.choice("log.level", c.Level, "debug", "info", "warn", "error")
	k.choice("log.format", c.Format, "auto", "text", "json")
}

// together wants all of the settings or none.
func (k *configCheck) together(settings map[string]string) {
	var names, missing []string
	for name, value := range settings {
		names = append(names, name)
		if value == "" {
			missing = append(missing, name)
		}
	}
	if len(missing) == len(names) {
		return
	}
	slices.Sort(names)
	slices.Sort(missing)
	for _, name := range missing {
		k.fail(name, "not set, expected all or none of "+strings.Join(names, ", "))
	}
}

func (k *configCheck) positive(name string, d time.Duration) {
	k.require(d > 0, name, durationText(d), "more than 0s")
}

func (k *configCheck) rate(name string, perSecond float64) {
	k.require(perSecond >= 0 && !math.IsInf(perSecond, 0), name, perSecond, "a number per second, 0 (unlimited) or more")
}

func (k *configCheck) between(name string, n, least, most int) {
	k.require(n >= least && n <= most, name, n, fmt.Sprintf("%d to %d", least, most))
}

func (k *configCheck) choice(name, value string, choices ...string) {
	quoted := make([]string, len(choices))
	for i, c := range choices {
		quoted[i] = fmt.Sprintf("%q", c)
	}
	last := len(quoted) - 1
	k.require(slices.Contains(choices, value), name, value, strings.Join(quoted[:last], ", ")+" or "+quoted[last])
}

func (k *configCheck) require(ok bool, name string, found any, expected string) {
	if n, isInt := found.(int); isInt {
		found = int64(n)
	}
	if !ok {
		k.fail(name, fmt.Sprintf("found %s, expected %s", shown(found), expected))
	}
}

// follow reports what an adapter's own rule has against a value. The rule's
// error begins with "expected".
func (k *configCheck) follow(name, value string, rule func(string) error) {
	if err := rule(value); err != nil {
		k.fail(name, fmt.Sprintf("found %s, %v", shown(value), err))
	}
}

func (k *configCheck) fail(name, text string) {
	if k.refused[name] {
		return
	}
	k.refused[name] = true
	k.problems = append(k.problems, k.config.problem(name, text))
}

func (k *configCheck) warn(text string) { k.config.Warnings = append(k.config.Warnings, text) }
