package app

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"alta/pipeline"
)

// The settings that every sending command needs, apart from the secrets.
const readyText = "smtp.host = 'h'\nsmtp.from = 'a@b.example'\nbrand.name = 'B'\n"

func TestSecrets(t *testing.T) {
	const (
		noKey  = "not set, expected a file with the API key of the partner, or ALTA_CAPA_API_KEY in the environment"
		noFile = `capa.api_key_file = "key"`
	)
	for _, test := range []struct {
		name     string
		setting  string            // a line of the file
		content  *string           // of the file "key" beside it; nil for no file
		mode     os.FileMode       // of that file
		env      map[string]string // "DIR" stands for the folder of the file
		want     string            // the API key
		problem  string            // of CheckReady, without the position; DIR as above
		warnings []string
	}{
		{name: "from a file, without the line end that an editor adds",
			setting: noFile, content: new("hunter2\n"), mode: 0o600, want: "hunter2"},
		{name: "from a file with the line end of Windows",
			setting: noFile, content: new("hunter2\r\n"), mode: 0o600, want: "hunter2"},
		{name: "from the environment",
			env: map[string]string{"ALTA_CAPA_API_KEY": "hunter2"}, want: "hunter2"},
		{name: "the environment wins over a file",
			setting: noFile, content: new("file"), mode: 0o600, env: map[string]string{"ALTA_CAPA_API_KEY": "environment"}, want: "environment"},
		{name: "the environment wins over a file that does not exist",
			setting: noFile, env: map[string]string{"ALTA_CAPA_API_KEY": "environment"}, want: "environment"},
		{name: "an empty variable counts as none",
			setting: noFile, content: new("file"), mode: 0o600, env: map[string]string{"ALTA_CAPA_API_KEY": ""}, want: "file"},
		{name: "from a systemd credential, whose access list shows as group bits",
			setting: `capa.api_key_file = "${CREDENTIALS_DIRECTORY}/key"`, content: new("hunter2"), mode: 0o440,
			env: map[string]string{"CREDENTIALS_DIRECTORY": "DIR"}, want: "hunter2"},
		{name: "from a systemd credential without braces",
			setting: `capa.api_key_file = "$CREDENTIALS_DIRECTORY/key"`, content: new("hunter2"), mode: 0o440,
			env: map[string]string{"CREDENTIALS_DIRECTORY": "DIR"}, want: "hunter2"},
		{name: "no systemd, no credential",
			setting: `capa.api_key_file = "${CREDENTIALS_DIRECTORY}/key"`, content: new("hunter2"), mode: 0o440,
			problem: `names a file in ${CREDENTIALS_DIRECTORY}, which is not set: systemd sets it for a unit with LoadCredential=`},
		{name: "others can read it: a warning",
			setting: noFile, content: new("hunter2"), mode: 0o644, want: "hunter2",
			warnings: []string{`capa.api_key_file: other users of this machine can use the file "DIR/key" (mode 0644); 'chmod 600' it`}},

		{name: "neither file nor variable", problem: noKey},
		{name: "the file does not exist",
			setting: noFile, problem: `the file that it names can't be read (no such file or directory), expected the path of a file that holds the secret`},
		{name: "the secret itself in the place of its file is not repeated",
			setting: `capa.api_key_file = "hunter2"`, problem: `the file that it names can't be read (no such file or directory), expected the path of a file that holds the secret`},
		{name: "the secret itself in the place of its file, with slashes",
			setting: `capa.api_key_file = "hunter2/x+/"`, problem: `the file that it names can't be read (no such file or directory), expected the path of a file that holds the secret`},
		{name: "the secret itself behind the name of the folder of credentials",
			setting: `capa.api_key_file = "${CREDENTIALS_DIRECTORY}/hunter2"`,
			problem: `names a file in ${CREDENTIALS_DIRECTORY}, which is not set: systemd sets it for a unit with LoadCredential=`},
		{name: "the file is empty",
			setting: noFile, content: new("\n"), mode: 0o600, problem: `the file "DIR/key" is empty`},
		{name: "the file holds more than the secret, which would break out of a header",
			setting: noFile, content: new("hunter2\nand more\n"), mode: 0o600,
			problem: `the file "DIR/key" holds a line break or a control character, expected the secret and nothing else`},
		{name: "the file holds a blank, which no key does",
			setting: noFile, content: new("hunter2 \n"), mode: 0o600,
			problem: `the file "DIR/key" holds a blank or a character outside ASCII, expected the secret and nothing else`},
		{name: "the file is no text",
			setting: noFile, content: new("hunter2\xff"), mode: 0o600, problem: `the file "DIR/key" is not UTF-8 text`},
		{name: "the file is far too large",
			setting: noFile, content: new(strings.Repeat("hunter2", 10_000)), mode: 0o600, problem: `the file "DIR/key" is larger than 64 KiB, so it is no secret`},
		{name: "the file is a folder", setting: `capa.api_key_file = "."`, problem: `"DIR" is not a regular file`},
		{name: "a device could block the start", setting: `capa.api_key_file = "/dev/null"`, problem: `"/dev/null" is not a regular file`},
		{name: "the variable holds a line break",
			env:     map[string]string{"ALTA_CAPA_API_KEY": "hunter2\r\nX: y"},
			problem: `the environment variable ALTA_CAPA_API_KEY holds a line break or a control character, expected the secret and nothing else`},
	} {
		t.Run(test.name, func(t *testing.T) {
			dir := t.TempDir()
			inDir := func(s string) string { return strings.ReplaceAll(s, "DIR", dir) }
			if test.content != nil {
				writeSecret(t, filepath.Join(dir, "key"), *test.content, test.mode)
			}
			path := filepath.Join(dir, "config.toml")
			c, err := LoadConfig(path, []byte(readyText+test.setting), standardConfig(t),
				func(name string) string { return inDir(test.env[name]) })
			if err != nil {
				t.Fatal(err)
			}
			if got := c.Capa.APIKey.Reveal(); got != test.want {
				t.Errorf("key = %q, want %q", got, test.want)
			}
			for i := range test.warnings {
				test.warnings[i] = inDir(test.warnings[i])
			}
			if diff := cmp.Diff(test.warnings, c.Warnings); diff != "" {
				t.Errorf("warnings (-want +got):\n%s", diff)
			}
			wantError := ""
			switch {
			case test.problem != "" && test.setting == "":
				wantError = path + ": capa.api_key_file: " + test.problem
			case test.problem != "":
				wantError = path + ":4:21: capa.api_key_file: " + inDir(strings.ReplaceAll(test.problem, "CREDENTIALS_DIRECTORY", "CREDENTIALS_\x00"))
				wantError = strings.ReplaceAll(wantError, "CREDENTIALS_\x00", "CREDENTIALS_DIRECTORY")
			}
			got := ""
			if err := c.CheckReady(); err != nil {
				got = err.Error()
			}
			if diff := cmp.Diff(wantError, got); diff != "" {
				t.Errorf("CheckReady (-want +got):\n%s", diff)
			}
			if strings.Contains(got, "hunter2") || strings.Contains(c.String(), "hunter2") {
				t.Error("the message or the list of settings repeats the secret")
			}
		})
	}
}

func TestEverySecretHasItsPlace(t *testing.T) {
	dir := t.TempDir()
	for _, name := range []string{"api", "token", "webhook", "previous"} {
		writeSecret(t, filepath.Join(dir, name), name+"-from-a-file\n", 0o600)
	}
	// A passphrase has blanks, and they belong to it.
	writeSecret(t, filepath.Join(dir, "password"), " pass phrase \n", 0o600)
	const pem = "-----BEGIN PRIVATE KEY-----\nMC4=\n-----END PRIVATE KEY-----"
	writeSecret(t, filepath.Join(dir, "dkim.pem"), pem+"\n", 0o600)
	text := readyText + `
smtp.username = "u"
smtp.password_file = "password"
smtp.dkim = { domain = "b.example", selector = "s", key_file = "dkim.pem" }
capa.api_key_file = "api"
operator.token_file = "token"
webhook.secret_file = "webhook"
webhook.previous_secret_file = "previous"
`
	for _, test := range []struct {
		name string
		env  map[string]string
		want []string
	}{
		{"from files", nil, []string{"api-from-a-file", " pass phrase ", "token-from-a-file", "webhook-from-a-file", "previous-from-a-file", pem}},
		{"from the environment",
			map[string]string{"ALTA_CAPA_API_KEY": "a", "ALTA_SMTP_PASSWORD": "b", "ALTA_OPERATOR_TOKEN": "c-sixteen-at-least", "ALTA_WEBHOOK_SECRET": "d", "ALTA_WEBHOOK_PREVIOUS_SECRET": "e"},
			[]string{"a", "b", "c-sixteen-at-least", "d", "e", pem}},
	} {
		c, err := LoadConfig(filepath.Join(dir, "config.toml"), []byte(text), standardConfig(t), func(name string) string { return test.env[name] })
		if err != nil {
			t.Fatal(err)
		}
		if err := c.CheckReady(); err != nil {
			t.Errorf("%s: %v", test.name, err)
		}
		var got []string
		for _, s := range []pipeline.Secret{c.Capa.APIKey, c.SMTP.Password, c.Operator.Token, c.Webhook.Secret, c.Webhook.Previous, c.SMTP.DKIM.Key} {
			got = append(got, s.Reveal())
		}
		if diff := cmp.Diff(test.want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", test.name, diff)
		}
	}
}

// writeSecret writes a file of exactly this mode, whatever the umask.
func writeSecret(t *testing.T, path, content string, mode os.FileMode) {
	t.Helper()
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(path, mode); err != nil {
		t.Fatal(err)
	}
}
