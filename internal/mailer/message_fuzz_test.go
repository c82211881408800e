package mailer

import (
	"bufio"
	"bytes"
	"io"
	"mime"
	"net/mail"
	"net/textproto"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	gomail "github.com/emersion/go-message/mail"

	"alta/pipeline"
)

// messageFields are all the header fields of a mail, in alphabetical order.
func messageFields() []string {
	return []string{"Auto-Submitted", "Content-Type", "Date", "From", "Message-Id", "Mime-Version", "Reply-To", "Subject", "To"}
}

// checkMessage holds for every message that is built, whatever it was built of:
// it can travel as it is, it has the header fields that every mail has and no
// other, and it goes to the one address.
func checkMessage(t *testing.T, raw []byte, m pipeline.Message, to string) {
	t.Helper()
	// Not by checkHeader: that is what is tested.
	if strings.ContainsAny(strings.ReplaceAll(string(raw), "\r\n", ""), "\r\n\x00") {
		t.Errorf("a bare CR, LF or NUL in %q", raw)
	}
	for line := range bytes.SplitSeq(raw, []byte("\r\n")) {
		if len(line) > 998 {
			t.Errorf("a line of %d bytes", len(line))
		}
	}
	var wire bytes.Buffer
	writeDots(t, &wire, raw)
	if n := bytes.Count(append([]byte("\r\n"), wire.Bytes()...), []byte("\r\n.\r\n")); n != 1 || !bytes.HasSuffix(wire.Bytes(), []byte("\r\n.\r\n")) {
		t.Errorf("%d ends of data in %q", n, wire.Bytes())
	}

	head, body, _ := bytes.Cut(raw, []byte("\r\n\r\n"))
	for line := range strings.SplitSeq(string(head), "\r\n") {
		checkHeaderLine(t, line)
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
	if !slices.Equal(names, messageFields()) {
		t.Errorf("header fields %v", names)
	}
	if list, err := parsed.Header.AddressList("To"); err != nil || len(list) != 1 || list[0].Address != to {
		t.Errorf("To is %v, %v, want %q: %q", list, err, to, parsed.Header.Get("To"))
	}
	if n := bytes.Count(body, []byte("--"+boundary(m))); n != 3 {
		t.Errorf("%d boundaries", n)
	}
	checkParts(t, raw, m.Content, to)
}

// checkHeaderLine wants a line that shows something, and is folded where it can
// be. Encoded words must be read each by itself.
func checkHeaderLine(t *testing.T, line string) {
	t.Helper()
	if strings.TrimSpace(line) == "" || strings.HasSuffix(line, " ") {
		t.Errorf("the header line %q looks empty or ends with a blank", line)
	}
	// Quoting may put a space before the @, where nothing is folded.
	if len(line) > 76 && strings.Contains(line[1:], " ") && !strings.Contains(line, `<"`) {
		t.Errorf("the header line %q has %d bytes", line, len(line))
	}
	for word := range strings.SplitSeq(line, " ") {
		if !strings.HasPrefix(word, "=?") {
			continue
		}
		text, err := new(mime.WordDecoder).Decode(word)
		if err != nil || !utf8.ValidString(text) || strings.ContainsRune(text, utf8.RuneError) && !strings.Contains(word, "=EF=BF=BD") || len(word) > 75 {
			t.Errorf("the encoded word %q of %d bytes is %q, %v", word, len(word), text, err)
		}
	}
}

// checkParts reads the message as another library does: the parts are the
// content, with CRLF for line breaks.
func checkParts(t *testing.T, raw []byte, content pipeline.Content, to string) {
	t.Helper()
	reader, err := gomail.CreateReader(bytes.NewReader(raw))
	if err != nil {
		t.Fatal(err)
	}
	if list, err := reader.Header.AddressList("To"); err != nil || len(list) != 1 || list[0].Address != to {
		t.Errorf("To is %v, %v, want %q", list, err, to)
	}
	for _, want := range []struct{ kind, text string }{{"text/plain", content.Text}, {"text/html", content.HTML}} {
		part, err := reader.NextPart()
		if err != nil {
			t.Fatalf("the part %s: %v", want.kind, err)
		}
		if kind, params, err := mime.ParseMediaType(part.Header.Get("Content-Type")); err != nil || kind != want.kind || params["charset"] != "UTF-8" {
			t.Errorf("a part is %q with %v, %v, want %s", kind, params, err, want.kind)
		}
		body, err := io.ReadAll(part.Body)
		// The library decodes the character set as well, and shows what is no UTF-8
		// as it shows it.
		if text := canonical(want.text); err != nil || string(body) != text && utf8.ValidString(text) {
			t.Errorf("the part %s is %q, %v, want %q", want.kind, body, err, text)
		}
	}
	if _, err := reader.NextPart(); err != io.EOF {
		t.Errorf("after the last part comes %v", err)
	}
}

// writeDots writes the message as it goes over the wire.
func writeDots(t *testing.T, wire *bytes.Buffer, raw []byte) {
	t.Helper()
	buffered := textproto.NewWriter(bufio.NewWriter(wire))
	dots := buffered.DotWriter()
	if _, err := dots.Write(raw); err != nil {
		t.Fatal(err)
	}
	if err := dots.Close(); err != nil {
		t.Fatal(err)
	}
}

// FuzzMessage finds a name, subject, address, text or page that breaks out of
// its place in the message.
func FuzzMessage(f *testing.F) {
	f.Add("Ana", "Hola", "ana@example.com", "hola", "<p>hola</p>")
	f.Add("José \"Pepe\", hijo", "¿Listo? ¡Verifica!", "josé@ñandú.example", "a\r\n.\r\nb", "")
	f.Add("a\r\nBcc: x@y.example", "s\nX: y", "a@b\r\nRCPT TO:<c>", "--alta\r\n", "--")
	f.Add(strings.Repeat(" ", 90), strings.Repeat("a ", 90), `"a b"@x.example`, "\x00", "\r")
	f.Add("=?utf-8?q?a?=", "=?utf-8?q?=0D=0A?=", "a@b.example", ".", "..")
	f.Add(strings.Repeat("ñ", 90), strings.Repeat("👩‍💻", 90), "a@b.example", "From a\n--\n-- \n", "=\n=3D")
	f.Add(`a" "\`, "a=?=?b", "a@b.example", "\xff", " \r\r\n\t\n\n")
	m := offline(f)
	f.Fuzz(func(t *testing.T, name, subject, email, text, html string) {
		d := delivery(email)
		d.User.Name, d.Message.Content = name, pipeline.Content{Subject: subject, Text: text, HTML: html}
		raw, err := m.Build(d)
		if err != nil {
			return
		}
		to, err := parseAddress("", email)
		if err != nil {
			t.Fatal(err)
		}
		checkMessage(t, raw, d.Message, to.Address.Address)
		checkTexts(t, raw, name, subject)
	})
}

// checkTexts reads back the name and the subject.
func checkTexts(t *testing.T, raw []byte, name, subject string) {
	t.Helper()
	parsed, err := mail.ReadMessage(bytes.NewReader(raw))
	if err != nil {
		t.Fatal(err)
	}
	got, err := new(mime.WordDecoder).DecodeHeader(parsed.Header.Get("Subject"))
	if clean, _ := headerText(subject); err != nil || got != clean || !utf8.ValidString(got) {
		t.Errorf("subject %q became %q, %v", subject, got, err)
	}
	clean, _ := headerText(name)
	if list, err := parsed.Header.AddressList("To"); err != nil || len(list) != 1 || list[0].Name != displayName(clean) {
		t.Errorf("name %q became %v, %v", name, list, err)
	}
}

// FuzzAddress finds an address that means another one on the wire than in the
// header, or more than an address.
func FuzzAddress(f *testing.F) {
	for _, spec := range []string{
		"ana@example.com", `"a b"@example.com`, `"a\"b>"@example.com`, "ana@ñandú.example", "ana@[192.0.2.1]", "a@b>\r\nRCPT TO:<c@d",
		"ana@example.com> ORCPT=x", `"\` + "\n" + `"@x.example`, "@a,@b:ana@example.com", "ana@example.com (hija)", "a@" + strings.Repeat("ñ", 70) + ".mx",
		"ana@\u200b.example.com", "ana@example.\u200b.com", "0@\u00ad.0",
	} {
		f.Add(spec)
	}
	m := offline(f)
	f.Fuzz(func(t *testing.T, spec string) {
		to, err := parseAddress("", spec)
		if err != nil {
			return
		}
		path := to.path()
		if strings.ContainsFunc(path, func(r rune) bool { return r < ' ' || r > '~' }) {
			t.Errorf("the path %q is not printable ASCII", path)
		}
		again, err := mail.ParseAddress(path)
		if err != nil || again.Address != to.Address.Address || again.Name != "" {
			t.Errorf("the path %q of %q reads as %v, %v", path, spec, again, err)
		}
		if twice, err := parseAddress("", strings.Trim(path, "<>")); err != nil || twice != to {
			t.Errorf("the path %q of %q becomes %v, %v", path, spec, twice, err)
		}
		d := delivery(spec)
		raw, err := m.Build(d)
		if err != nil {
			return
		}
		checkMessage(t, raw, d.Message, to.Address.Address)
	})
}
