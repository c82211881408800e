package app

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
)

// demoReminders are soon: within seconds where nobody is there to press a button,
// and late enough to press one before where somebody is.
func demoReminders(once bool) string {
	if once {
		return `"2s", "4s"`
	}
	return `"30s", "2m"`
}

// loadDemoConfig writes the configuration that a newcomer would write, and
// loads it as any other.
func (a *app) loadDemoConfig(w *demoWorld, once bool) error {
	linkHost, err := w.linkHost()
	if err != nil {
		return fmt.Errorf("write the demo's configuration: %w", err)
	}
	host, port := w.smtp.Addr()
	public := w.address("public.listen")
	text := fmt.Sprintf(demoConfig, w.api.URL(), linkHost, demoSession, public, public, w.address("operator.listen"),
		host, port, demoReminders(once))
	path := filepath.Join(w.dir, defaultConfigFile)
	if err := errors.Join(
		os.WriteFile(path, []byte(text), 0o600),
		os.WriteFile(filepath.Join(w.dir, "capa.key"), []byte(w.api.Key()), 0o600),
		os.WriteFile(filepath.Join(w.dir, "webhook.key"), []byte(w.api.WebhookSecret()), 0o600),
	); err != nil {
		return fmt.Errorf("write the demo's configuration: %w", err)
	}
	// The environment must not reach into the demo: a real key stays out of it.
	config, err := LoadConfig(path, []byte(text), a.defaults, func(string) string { return "" })
	if err != nil {
		return err
	}
	a.config = config
	a.sockets = w.sockets
	a.log = a.newLogger()
	return nil
}

const demoConfig = `# The demo's configuration: a day of the plan lasts seconds here.
[database]
url = "alta.db"

[capa]
base_url = "%s"
api_key_file = "capa.key"
redirect_uri = "https://pagoclaro.example/listo"
link_hosts = ["%s"]
link_ttl = "%s"

[webhook]
secret_file = "webhook.key"

[public]
listen = "%s"
base_url = "http://%s"

[operator]
listen = "%s"

[smtp]
host = "%s"
port = %d
tls = "none"
from = "Pago Claro <no-responder@pagoclaro.example>"
reply_to = "hola@pagoclaro.example"

[brand]
name = "Pago Claro"
url = "https://pagoclaro.example"
support_email = "hola@pagoclaro.example"

[brand.MX]
legal_name = "Pago Claro México, S.A. de C.V."
address = "Av. Paseo de la Reforma 250, Juárez, 06600 Ciudad de México"
privacy_url = "https://pagoclaro.example/mx/aviso-de-privacidad"

[brand.DO]
legal_name = "Pago Claro Dominicana, S.R.L."
address = "Av. Winston Churchill 93, Piantini, Santo Domingo"
privacy_url = "https://pagoclaro.example/do/privacidad"

[plan]
reminders = [%s]
min_gap = "1s"
max_mails = 3
sending_hours = ""

[guard]
mails = 0

[log]
level = "error"
`
