package mailer

import (
	"bytes"
	"errors"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"alta/internal/sandbox"
	"alta/pipeline"
)

// smuggled is text that ends a mail early for some server, or begins another
// one behind it: every line end around a dot, commands, and what turns into
// them when it is decoded, encoded or cut.
func smuggled() *rapid.Generator[string] {
	return rapid.Custom(func(t *rapid.T) string {
		parts := rapid.SliceOfN(rapid.OneOf(
			rapid.SampledFrom([]string{
				"\r\n.\r\n", "\n.\n", "\n.\r\n", "\r\n.\n", "\r.\r", "\r\n.\r", "\r.\r\n", "\r\n\x00.\r\n", ".", "..", ".\r\n", "\r\n", "\n", "\r", "\x00",
				"\u0085.\u0085", "\u2028.\u2028", "\v.\f", "=0D=0A.=0D=0A", "=\r\n.\r\n", "&#13;&#10;.&#13;&#10;",
				"MAIL FROM:<mal@example.org>\r\nRCPT TO:<ana@example.com>\r\nDATA\r\n", "QUIT\r\n", "RSET\r\n", "BDAT 0 LAST\r\n",
				"Bcc: mal@example.org\r\n", "\r\n\r\n", "--alta-38d5de71500413839294daa5db92453f--\r\n", strings.Repeat("x", 75), strings.Repeat("x", 998), strings.Repeat("ñ", 40),
			}),
			rapid.StringN(0, 8, -1),
		), 0, 8).Draw(t, "parts")
		return strings.Join(parts, "")
	})
}

// One mail is sent as one mail, whatever the user, the partner API or a template
// put into it: between DATA and the only dot on a line of its own come exactly
// the bytes that were built, and no command comes behind.
func TestNothingInAMailEndsItEarly(t *testing.T) {
	s := startCatcher(t, sandbox.SMTPOptions{})
	m := newMailer(t, configFor(s))
	accepted := 0
	rapid.Check(t, func(t *rapid.T) {
		d := delivery("jose@example.com")
		d.User.Name = rapid.OneOf(rapid.Just("Ana"), smuggled()).Draw(t, "name")
		d.User.Email = rapid.OneOf(rapid.Just("jose@example.com"), smuggled()).Draw(t, "address")
		d.Message.Content = pipeline.Content{
			Subject: rapid.OneOf(rapid.Just("Hola"), smuggled()).Draw(t, "subject"),
			Text:    smuggled().Draw(t, "text"),
			HTML:    smuggled().Draw(t, "page"),
		}
		commands, mails := len(s.Commands()), len(s.Mails())
		_, begun, err := send(m, d)
		var said []string
		for _, c := range s.Commands()[commands:] {
			verb, _, _ := strings.Cut(c.Line, " ")
			said = append(said, verb)
		}
		if err != nil {
			f, isFault := errors.AsType[*pipeline.Fault](err)
			if !isFault || f.Code != "smtp.header" && f.Code != "smtp.address" || begun != 0 || len(said) != 0 || len(s.Mails()) != mails {
				t.Fatalf("%v, begun %d times, commands %q", err, begun, said)
			}
			return
		}
		accepted++
		if n := len(said); n < 3 || !slices.Equal(said[n-3:], []string{"MAIL", "RCPT", "DATA"}) || n > 4 ||
			n == 4 && said[0] != "EHLO" && said[0] != "RSET" {
			t.Fatalf("commands %q", said)
		}
		if n := len(s.Mails()); n != mails+1 {
			t.Fatalf("%d mails", n-mails)
		}
		got := s.Mails()[mails]
		if !slices.Equal(got.To, []string{"jose@example.com"}) {
			t.Fatalf("sent to %q", got.To)
		}
		// The catcher ends the transcript before the dot that it took for the end.
		wire := append([]byte("\r\n"), got.Wire...)
		if bytes.Contains(wire, []byte("\r\n.\r\n")) || !bytes.HasSuffix(wire, []byte("\r\n")) {
			t.Fatalf("an end inside of %q", got.Wire)
		}
		if strings.ContainsAny(strings.ReplaceAll(string(wire), "\r\n", ""), "\r\n\x00") {
			t.Fatalf("a bare CR, LF or NUL in %q", got.Wire)
		}
		built, err := m.Build(d)
		if err != nil {
			t.Fatal(err)
		}
		if unstuffed := bytes.ReplaceAll(wire, []byte("\r\n."), []byte("\r\n"))[2:]; !bytes.Equal(unstuffed, built) {
			t.Fatalf("sent %q, built %q", unstuffed, built)
		}
	})
	if accepted == 0 {
		t.Error("no mail was accepted, so nothing was shown")
	}
}
