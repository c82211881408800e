package mailer

import (
	"bytes"
	"flag"
	"mime"
	"net/mail"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

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
	for name, d := range map[string]*pipeline.Delivery{
		"invite.eml": delivery("jose@example.com"), "reminder.eml": reminder("jose@example.com"),
	} {
		got, err := offline(t).Build(d)
		if err != nil {
			t.Fatal(err)
		}
		path := filepath.Join("testdata", name)
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
	other.Message.ID, other.Message.Text = again.Message.ID, again.Message.Text+"."
	fourth, err := m.Build(other)
	if err != nil {
		t.Fatal(err)
	}
	if b := []byte(boundary(again.Message)); !bytes.Contains(first, b) || bytes.Contains(third, b) || bytes.Contains(fourth, b) {
		t.Error("the boundary doesn't follow the Message-ID and the content")
	}
}

func TestTheBoundaryFollowsTheDigestThatTheLedgerKnows(t *testing.T) {
	m := delivery("jose@example.com").Message
	computed := boundary(m)
	if m.Digest = m.Content.Digest(); boundary(m) != computed {
		t.Error("the content's own digest, given or computed, gives two boundaries")
	}
	if m.Digest = m.Content.Digest("another sender"); boundary(m) == computed {
		t.Error("the boundary ignores the digest")
	}
}

// A mail may still be on its way when the next one is built, in the buffer in
// which it was built too.
func TestMailsShareNoMemory(t *testing.T) {
	m := offline(t)
	var builders sync.WaitGroup
	for i := range 4 {
		builders.Go(func() {
			d := delivery("jose@example.com")
			d.Message.Text = strings.Repeat(string(rune('a'+i)), 500*(i+1))
			first, err := m.Build(d)
			if err != nil {
				t.Error(err)
				return
			}
			kept := bytes.Clone(first)
			for range 50 {
				again, err := m.Build(d)
				if err != nil || !bytes.Equal(again, kept) {
					t.Errorf("built %q, %v", again, err)
				}
				// The end of SMTP's data is written behind the mail, in place.
				if ended := append(again, "\r\n.\r\n"...); &ended[0] != &again[0] {
					t.Error("there is no room behind the mail")
				}
			}
			if !bytes.Equal(first, kept) {
				t.Error("a mail changed when others were built")
			}
		})
	}
	builders.Wait()
}

func TestAMailThatCouldNotBeBuiltLeavesNothingBehind(t *testing.T) {
	m := offline(t)
	want, err := m.Build(delivery("jose@example.com"))
	if err != nil {
		t.Fatal(err)
	}
	bad := delivery("jose@example.com")
	bad.Message.Subject = strings.Repeat("x", 1000)
	if _, err := m.Build(bad); err == nil {
		t.Fatal("built")
	}
	if got, err := m.Build(delivery("jose@example.com")); err != nil || !bytes.Equal(got, want) {
		t.Errorf("built %q, %v", got, err)
	}
}

func TestMessageIDs(t *testing.T) {
	for _, c := range []struct {
		sentence, id string
		ok           bool
	}{
		{"One of this program.", "abc123@mail.example.mx", true},
		{"All the characters of an atom.", "!#$%&'*+/=?^_`{|}~.-azAZ09@a-Z.9", true},
		{"Nothing.", "", false},
		{"Nothing before the @.", "@example.mx", false},
		{"Nothing behind it.", "abc@", false},
		{"No @.", "abc", false},
		{"Two.", "a@b@c", false},
		{"A space.", "a b@c", false},
		{"Angle brackets.", "<a@b>", false},
		{"A line break.", "a@b\r\nBcc: c@d", false},
		{"A line break before the @.", "a\n@b", false},
		{"A letter that is not ASCII.", "ñ@b", false},
		{"Such a letter behind the @.", "a@ñ", false},
		{"A byte that is no UTF-8.", "a\xff@b", false},
	} {
		t.Run(c.sentence, func(t *testing.T) {
			if isMessageID(c.id) != c.ok {
				t.Errorf("%q: got %v", c.id, !c.ok)
			}
			d := delivery("jose@example.com")
			d.Message.ID = c.id
			if _, err := offline(t).Build(d); (err == nil) != c.ok {
				t.Errorf("built with %q: %v", c.id, err)
			}
		})
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
		"Content-Type":   "multipart/alternative; boundary=" + boundary(delivery("").Message),
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
		{"what looks like an encoded word", "=?utf-8?q?a=2Eb?=", "=?utf-8?q?a=2Eb?="},
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
