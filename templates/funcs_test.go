package templates

import (
	"strings"
	"testing"
)

// What reaches outside the mail, is random, has no bound, breaks UTF-8 or
// speaks English is no function of a template.
func TestForbiddenFunctions(t *testing.T) {
	for _, name := range []string{
		"env", "expandenv", "getHostByName", "genPrivateKey", "genCA", "genSelfSignedCert", "derivePassword", "bcrypt", "htpasswd",
		"encryptAES", "decryptAES", "now", "date", "dateInZone", "ago", "toDate", "randAlpha", "randBytes", "randInt", "shuffle", "uuidv4",
		"repeat", "until", "untilStep", "seq", "indent", "nindent", "trunc", "substr", "abbrev", "fail", "toJson", "fromJson", "b64enc",
		"sha256sum", "regexMatch", "dict", "set", "osBase", "safeHTML",
	} {
		if _, ok := functions()[name]; ok {
			t.Errorf("%s is allowed", name)
		}
		f := file{origin: "x", text: "{{" + name + "}}"}
		want := `function "` + name + `" not defined`
		if _, err := parseText(nil, f); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s in a text: %v", name, err)
		}
		if _, err := parseHTML(nil, f); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s in a page: %v", name, err)
		}
	}
}

// What is allowed exists, and works in every part.
func TestAllowedFunctions(t *testing.T) {
	for name, f := range functions() {
		if f == nil {
			t.Errorf("sprig has no function %s", name)
		}
	}
	if len(functions()) != len(allowed()) {
		t.Errorf("%d functions for %d names", len(functions()), len(allowed()))
	}
	const use = `{{list "a" "" .Brand.Name | compact | join ", " | upper}} {{"" | default "x" | quote}} {{plural "uno" "dos" 2}}`
	s := load(t, overrides(t, map[string]string{
		"es-MX/invite.subject.tmpl": use,
		"es-MX/invite.txt.tmpl":     `{{define "body"}}` + use + `{{end}}`,
		"es-MX/invite.html.tmpl":    `{{define "title"}}` + use + `{{end}}{{define "preheader"}}x{{end}}{{define "body"}}` + use + `{{end}}`,
	}))
	c := render(t, s, everyDelivery()[0])
	const want = `A, NÓMADA PAY "x" dos`
	if c.Subject != want || !strings.Contains(c.Text, "\n"+want+"\n") || strings.Count(c.HTML, `A, NÓMADA PAY &#34;x&#34; dos`) != 3 {
		t.Errorf("subject %q\n%s", c.Subject, c.Text)
	}
}
