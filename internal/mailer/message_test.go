package mailer

import (
	"bytes"
	"flag"
	"io"
	"mime"
	"net/mail"
	"net/textproto"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"alta/pipeline"
)

var update = flag.Bool("update", false, "write the golden files")

// offline is a mailer that only builds.
func offline(t testing.TB) *Mailer {
	t.Helper()
	m, err := New(Config{
		Host: "mail.example", Port: 587, TLS: TLSStart,
		From:    mail.Address{Name: "Banco Ñandú, S.A.", Address: "hola@mail.example.mx"},
		ReplyTo: mail.Address{Name: "Ayuda", Address: "ayuda@example.mx"},
	}, noon)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func TestBuildMatchesTheGoldenFile(t *testing.T) {
	got, err := offline(t).Build(delivery("jose@example.com"))
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join("testdata", "invite.eml")
	if *update {
		if err := os.WriteFile(path, got, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), string(got)); diff != "" {
		t.Error(diff)
	}
}

func TestBuildGivesTheSameBytesForTheSameDelivery(t *testing.T) {
	m := offline(t)
	first, err := m.Build(delivery("jose@example.com"))
	if err != nil {
		t.Fatal(err)
	}
	again := delivery("jose@example.com")
	again.Attempt, again.Repeat = 3, true
	again.Message.Date = again.Message.Date.In(time.FixedZone("CST", -6*3600))
	second, err := m.Build(again)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(first, second) {
		t.Error("a repeated mail differs, though only the zone of its date in memory does")
	}
	other := delivery("jose@example.com")
	other.Message.ID = "xyz@mail.example.mx"
	third, err := m.Build(other)
	if err != nil {
		t.Fatal(err)
	}
	if b := boundary("abc123@mail.example.mx"); bytes.Contains(third, []byte(b)) || !bytes.Contains(first, []byte(b)) {
		t.Error("the boundary doesn't follow the Message-ID")
	}
}

func TestHeaders(t *testing.T) {
	raw, err := offline(t).Build(delivery("jose@example.com"))
	if err != nil {
		t.Fatal(err)
	}
	parsed, err := mail.ReadMessage(bytes.NewReader(raw))
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]string{
		"Date":           "Mon, 02 Mar 2026 12:00:00 +0000",
		"Message-ID":     "<abc123@mail.example.mx>",
		"MIME-Version":   "1.0",
		"Auto-Submitted": "auto-generated",
		"Content-Type":   "multipart/alternative; boundary=" + boundary("abc123@mail.example.mx"),
		"User-Agent":     "",
		"X-Mailer":       "",
	} {
		if got := parsed.Header.Get(name); got != want {
			t.Errorf("%s: %q, want %q", name, got, want)
		}
	}
	for name, want := range map[string]mail.Address{
		"From":     {Name: "Banco Ñandú, S.A.", Address: "hola@mail.example.mx"},
		"To":       {Name: `José "Pepe" Núñez, hijo`, Address: "jose@example.com"},
		"Reply-To": {Name: "Ayuda", Address: "ayuda@example.mx"},
	} {
		list, err := parsed.Header.AddressList(name)
		if err != nil || len(list) != 1 || *list[0] != want {
			t.Errorf("%s: %v, %v", name, list, err)
		}
	}
}

func TestNamesAndSubjects(t *testing.T) {
	long := strings.Repeat("María de los Ángeles ", 20)
	cases := []struct {
		name string
		text string
		want string // empty is refused; of a name that To does not show, what the subject shows
	}{
		{"plain", "Ana Lopez", "Ana Lopez"},
		{"accents", "Ángel Muñoz Güemes", "Ángel Muñoz Güemes"},
		{"quotes and backslashes", `Ana "la \ Jefa" Ruiz`, `Ana "la \ Jefa" Ruiz`},
		{"commas", "Pérez, Ana", "Pérez, Ana"},
		{"angle brackets", "Ana <x@y.example>", "Ana <x@y.example>"},
		{"a comment", "Ana (hija)", "Ana (hija)"},
		{"emoji", "Ana 👩‍💻", "Ana 👩‍💻"},
		{"a long one is folded", long, strings.TrimSpace(long)},
		{"a long one without accents is folded", strings.Repeat("Maria de los Angeles ", 20), strings.TrimSpace(strings.Repeat("Maria de los Angeles ", 20))},
		{"runs of spaces are narrowed", "  Ana   " + strings.Repeat(" ", 200) + "Ruiz ", "Ana Ruiz"},
		{"CRLF and a header is refused", "Ana\r\nBcc: x@y.example", ""},
		{"a bare LF is refused", "Ana\nRuiz", ""},
		{"a bare CR is refused", "Ana\rRuiz", ""},
		{"NUL is refused", "Ana\x00", ""},
		{"a tab is refused", "Ana\tRuiz", ""},
		{"a line separator is refused", "Ana\u2028Ruiz", ""},
		{"bytes that are not UTF-8 are refused", "Jos\xe9", ""},
		{"one that no line can hold is refused", strings.Repeat("x", 1000), ""},
	}
	m := offline(t)
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			for _, header := range []string{"To", "Subject"} {
				d := delivery("jose@example.com")
				if header == "To" {
					d.User.Name = c.text
				} else {
					d.Message.Subject = c.text
				}
				raw, err := m.Build(d)
				if c.want == "" {
					if f := pipeline.AsFault(err); err == nil || f.Kind != pipeline.Hold || f.Code != "smtp.header" || f.BadAddress {
						t.Errorf("%s: got %v", header, err)
					}
					continue
				}
				if err != nil {
					t.Fatalf("%s: %v", header, err)
				}
				parsed, err := mail.ReadMessage(bytes.NewReader(raw))
				if err != nil {
					t.Fatal(err)
				}
				want := c.want
				got, err := new(mime.WordDecoder).DecodeHeader(parsed.Header.Get("Subject"))
				if header == "To" {
					var list []*mail.Address
					if list, err = parsed.Header.AddressList("To"); err == nil && len(list) == 1 {
						got, want = list[0].Name, displayName(c.want)
					}
				}
				if err != nil || got != want {
					t.Errorf("%s: got %q, %v", header, got, err)
				}
			}
		})
	}
}

func TestBadAddressesFail(t *testing.T) {
	m := offline(t)
	for _, email := range []string{
		"", "ana", "ana@", "@example.com", "ana@example.com, x@y.example", "Ana <ana@example.com>", "<ana@example.com>",
		"ana@example.com>", "a b@example.com", "ana@exa mple.com", "ana@xn--ñ.example", "ana@-.ñ",
	} {
		_, err := m.Build(delivery(email))
		if f := pipeline.AsFault(err); err == nil || f.Kind != pipeline.Fail || !f.BadAddress || f.Code != "smtp.address" {
			t.Errorf("%q: %v", email, err)
		}
	}
}

func TestAddressPaths(t *testing.T) {
	for email, want := range map[string]string{
		"ana@example.com":        "<ana@example.com>",
		`"a b"@example.com`:      `<"a b"@example.com>`,
		`"a\"b"@example.com`:     `<"a\"b"@example.com>`,
		"ana+kyc@Ejemplo.Ñandú":  "<ana+kyc@ejemplo.xn--and-6ma2c>",
		"ana@[192.0.2.1]":        "<ana@[192.0.2.1]>",
		"o'brien@example.com":    "<o'brien@example.com>",
		"ana_r@sub_a.example.mx": "<ana_r@sub_a.example.mx>",
	} {
		got, err := parseAddress("", email)
		if err != nil || got.path() != want {
			t.Errorf("%q: %q, %v", email, got.path(), err)
		}
	}
}

func FuzzHeaders(f *testing.F) {
	f.Add("Ana", "Hola", "ana@example.com", "hola", "<p>hola</p>")
	f.Add("José \"Pepe\", hijo", "¿Listo? ¡Verifica!", "josé@ñandú.example", "a\r\n.\r\nb", "")
	f.Add("a\r\nBcc: x@y.example", "s\nX: y", "a@b\r\nRCPT TO:<c>", "--alta\r\n", "--")
	f.Add(strings.Repeat(" ", 90), strings.Repeat("a ", 90), `"a b"@x.example`, "\x00", "\r")
	f.Add("=?utf-8?q?a?=", "=?utf-8?q?=0D=0A?=", "a@b.example", ".", "..")
	m := offline(f)
	want := []string{"Auto-Submitted", "Content-Type", "Date", "From", "Message-Id", "Mime-Version", "Reply-To", "Subject", "To"}
	f.Fuzz(func(t *testing.T, name, subject, email, text, html string) {
		d := delivery(email)
		d.User.Name, d.Message.Content = name, pipeline.Content{Subject: subject, Text: text, HTML: html}
		raw, err := m.Build(d)
		if err != nil {
			return
		}
		if err := checkWire(raw); err != nil {
			t.Fatal(err)
		}
		head, body, found := bytes.Cut(raw, []byte("\r\n\r\n"))
		if !found {
			t.Fatal("no body")
		}
		for line := range bytes.SplitSeq(head, []byte("\r\n")) {
			if len(bytes.TrimSpace(line)) == 0 {
				t.Errorf("a header line looks empty in %q", head)
			}
		}
		parsed, err := mail.ReadMessage(bytes.NewReader(raw))
		if err != nil {
			t.Fatal(err)
		}
		var names []string
		for name, values := range parsed.Header {
			for range values {
				names = append(names, textproto.CanonicalMIMEHeaderKey(name))
			}
		}
		slices.Sort(names)
		if !slices.Equal(names, want) {
			t.Errorf("headers %v", names)
		}
		if list, err := parsed.Header.AddressList("To"); err != nil || len(list) != 1 {
			t.Errorf("To is %v, %v: %q", list, err, parsed.Header.Get("To"))
		}
		if n := bytes.Count(body, []byte("--"+boundary(d.Message.ID))); n != 3 {
			t.Errorf("%d boundaries", n)
		}
		if _, err := io.Copy(io.Discard, parsed.Body); err != nil {
			t.Error(err)
		}
		if !strings.Contains(subject, "=?") {
			got, err := new(mime.WordDecoder).DecodeHeader(parsed.Header.Get("Subject"))
			if clean, _ := headerText(subject); err != nil || got != clean || !utf8.ValidString(got) {
				t.Errorf("subject %q became %q, %v", subject, got, err)
			}
		}
	})
}
