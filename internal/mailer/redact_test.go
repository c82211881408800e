package mailer

import (
	"io"
	"strings"
	"testing"
	"unicode/utf8"

	"pgregory.net/rapid"

	"alta/internal/sandbox"
	"alta/pipeline"
)

func TestReplyText(t *testing.T) {
	cases := []struct {
		name, text, want string
	}{
		{"words are kept as they are", "5.1.1 <ana@example.com>: no such user", "550 5.1.1 <ana@example.com>: no such user"},
		{"lines become one", "5.7.1 line one\n5.7.1 line two", "550 5.7.1 line one 5.7.1 line two"},
		{"control characters go", "a\x1b[31mred\x00\x07b\u0085c\u2028d", "550 a [31mred b c d"},
		{"invisible characters go", "a\u202eb\u200bc", "550 abc"},
		{"bytes that are not UTF-8 are marked", "caf\xe9", "550 caf?"},
		{"a link goes", "spam: https://kyc.example/s?_al=TOKEN==&r=a%2Fb found", "550 spam: [link] found"},
		{"a link in brackets goes whole", "spam (<HTTP://kyc.example/s?_al=T>).", "550 spam [link]"},
		{"a link without its scheme goes", "spam: kyc.example/s?_al=TOKEN==", "550 spam: [link]"},
		{"a link without scheme and query goes", "spam: <kyc.example/s/TOKEN>, sorry", "550 spam: [link] sorry"},
		{"a file name behind a slash goes", "found s/TOKEN.html", "550 found [link]"},
		{"the query of a link goes", "found ?_al=TOKEN&r=x", "550 found [link]"},
		{"a slash without a dot stays", "2.6.0 queued as a/b=c", "550 2.6.0 queued as a/b=c"},
		{"a dot without a slash stays", "2.6.0 queued by mx1.mail.example", "550 2.6.0 queued by mx1.mail.example"},
		{"an empty text leaves the code", "", "550"},
		{"a long text is cut", strings.Repeat("ñ", 1000), "550 " + strings.Repeat("ñ", 400) + "…"},
		{"a link that a cut would split goes too", strings.Repeat("x ", maxReplyText/2-5) + "https://kyc.example/s?_al=TOKEN", "550 " + strings.Repeat("x ", 200) + "…"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			if got := newReply(550, c.text, redaction{}).String(); got != c.want {
				t.Errorf("got  %q\nwant %q", got, c.want)
			}
		})
	}
}

func TestTheLinkOfTheMailIsFoundInEveryShape(t *testing.T) {
	const known = "https://kyc.example/s/5f3a9c?_al=TOKEN==&session=abcdefghijkl&r=a%2Fb"
	cases := []struct {
		name, link, text, want string
	}{
		{"whole", known, "see " + known + " now", "see [link] now"},
		{"without its scheme", known, "see kyc.example/s/5f3a9c?_al=TOKEN==&session=abcdefghijkl&r=a%2Fb now", "see [link] now"},
		{"path and query", known, "see /s/5f3a9c?_al=TOKEN==&session=abcdefghijkl&r=a%2Fb now", "see [link] now"},
		{"the path alone", known, "see '/s/5f3a9c' now", "see '[link]' now"},
		{"the query alone", known, "see _al=TOKEN==&session=abcdefghijkl&r=a%2Fb now", "see [link] now"},
		{"the query decoded", known, "see _al=TOKEN==&session=abcdefghijkl&r=a/b now", "see [link] now"},
		{"in capitals", known, "SEE /S/5F3A9C NOW", "SEE [link] NOW"},
		{"a long value alone", known, "session abcdefghijkl is spam", "session [link] is spam"},
		{"with something invisible inside", known, "see /s/5f\u200b3a9c", "see [link]"},
		{"a fragment", "https://kyc.example/#TOKEN-1234567", "see token-1234567", "see [link]"},
		{"a half that a fold left over", "https://kyc.example/s?token=Qm7xK2pLw9Zt4Rv8Yb1N", "line w9Zt4Rv8Yb1N=3D found", "line [link] found"},
		{"a name in the link hides no words like it", "https://kyc.example/verification-session?t=x", "verification failed", "verification failed"},
		{"the host alone is no secret", known, "kyc.example is listed", "kyc.example is listed"},
		{"a short name is no secret", known, "session over", "session over"},
		{"a link of a host alone hides nothing", "https://kyc.example/", "kyc.example or / is listed", "kyc.example or / is listed"},
		{"no link hides nothing", "", "all is well", "all is well"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			if got := redactionOf(c.link).clean(c.text); got != c.want {
				t.Errorf("got %q, want %q", got, c.want)
			}
		})
	}
	t.Run("in the error of a broken conversation", func(t *testing.T) {
		f := failure{step: atRCPT, err: io.EOF, redact: redactionOf(known)}
		f.err = &textError{"short response: _al=TOKEN==&session=abcdefghijkl&r=a%2Fb"}
		if text := f.Error(); strings.Contains(text, "TOKEN") {
			t.Errorf("error %q", text)
		}
	})
}

func TestThePasswordIsFoundAsAUTHSendsIt(t *testing.T) {
	const user, password = "alta", "s3cret wörd"
	cases := []struct {
		name, text, want string
	}{
		{"as it is", "bad password 's3cret wörd'", "bad password '[password]'"},
		{"in other letters", "bad password S3CRET WÖRD!", "bad password [password]!"},
		{"over two lines", "bad password s3cret\nwörd", "bad password [password]"},
		{"as LOGIN sends it", "got czNjcmV0IHfDtnJk", "got [password]"},
		{"as PLAIN sends it", "got AGFsdGEAczNjcmV0IHfDtnJk here", "got [password] here"},
		{"as XOAUTH2 sends it", "got dXNlcj1hbHRhAWF1dGg9QmVhcmVyIHMzY3JldCB3w7ZyZAEB", "got [password]"},
		{"the user name is no secret", "user alta is blocked", "user alta is blocked"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			for _, r := range []redaction{redactionOfLogin(user, password), redactionOfLogin(user, password).withLink(pipeline.NewSecret("https://kyc.example/s?t=1234567890"))} {
				if got := r.clean(c.text); got != c.want {
					t.Errorf("got %q, want %q", got, c.want)
				}
			}
		})
	}
	if got := redactionOfLogin(user, "ok").clean("queued ok"); got != "queued ok" {
		t.Errorf("a password too short to hide spoils replies: %q", got)
	}
}

type textError struct{ text string }

func (e *textError) Error() string { return e.text }

func TestALinkThatTheServerEchoesStaysSecret(t *testing.T) {
	for _, echo := range []string{link, "kyc.example/s?_al=TOKEN==&r=a%2Fb", "_al=TOKEN==&r=a%2Fb", "s?_al=TOKEN=="} {
		for _, fault := range []sandbox.SMTPFault{
			{Stage: sandbox.AtRcpt, Action: sandbox.SMTPRefuse, Code: 550, Enhanced: "5.7.1", Text: "spam: " + echo},
			{Stage: sandbox.AtDot, Action: sandbox.SMTPRefuse, Code: 451, Text: "later\n" + echo},
			{Stage: sandbox.AtDot, Action: sandbox.SMTPRaw, Text: echo + "\r\n"},
			{Stage: sandbox.AtAccepted, Action: sandbox.SMTPRefuse, Code: 250, Text: "queued " + echo},
		} {
			t.Run(string(fault.Stage)+" "+string(fault.Action)+" "+echo, func(t *testing.T) {
				s := startCatcher(t, sandbox.SMTPOptions{Faults: []sandbox.SMTPFault{fault}})
				m := newMailer(t, configFor(s))
				receipt, _, err := send(m, delivery("jose@example.com"))
				shown := receipt.Reply
				if err != nil {
					shown = err.Error() + pipeline.AsFault(err).Reason
				}
				if shown == "" || strings.Contains(shown, "TOKEN") {
					t.Errorf("shown: %q", shown)
				}
			})
		}
	}
}

func redactionOf(link string) redaction { return redaction{}.withLink(pipeline.NewSecret(link)) }

// What is called harmless must be what the whole work would leave as it is.
func TestHarmlessTextsStayAsTheyAre(t *testing.T) {
	called := 0
	rapid.Check(t, func(t *rapid.T) {
		part := rapid.OneOf(rapid.StringMatching(`[ -~]{0,12}`), rapid.SampledFrom([]string{
			"queued", "as", "4F3A", " ", "%41", "abc", "def", "TOKEN1234567", "token1234567", "%2F", "kyc", ".example", "?", "&", "=", "/", "http", ":", "https:", "s3cret", "ABCDEF",
		}))
		text := strings.Join(rapid.SliceOfN(part, 0, 6).Draw(t, "text"), rapid.SampledFrom([]string{"", " "}).Draw(t, "between"))
		link := "https://kyc.example/" + strings.Join(rapid.SliceOfN(part, 0, 6).Draw(t, "link"), "")
		r := redactionOfLogin("alta", "s3cret").withLink(pipeline.NewSecret(link))
		if !r.harmless(text) {
			return
		}
		called++
		if got := r.scrub(text); got != text {
			t.Fatalf("with the link %q, %q is called harmless and becomes %q", link, text, got)
		}
	})
	if called == 0 {
		t.Error("nothing was called harmless, so nothing was shown")
	}
	if r := redactionOf(link); !r.harmless("2.0.0 Ok: queued as 4F3A21C0") {
		t.Error("an everyday answer takes the long way")
	}
}

func FuzzRedaction(f *testing.F) {
	f.Add(link, "spam: ", " found")
	f.Add("https://kyc.example/s/TOKEN", "(", ")")
	f.Add("https://kyc.example", "", "")
	f.Add("https://[::1]/%zz?a", "\x00", "\xff")
	f.Add("https://kyc.example/%ff%ff%ff%ff?\xff\xff\xff\xff", "", "")
	f.Add("://", "?", "#")
	f.Fuzz(func(t *testing.T, link, before, after string) {
		got := redactionOf(link).clean(before + " " + link + " " + after)
		if !utf8.ValidString(got) || utf8.RuneCountInString(got) > maxText+1 {
			t.Errorf("unsafe text %q", got)
		}
		_, rest, found := strings.Cut(link, "://")
		if i := strings.IndexAny(rest, "/?#"); found && i >= 0 && len(rest[i:]) >= minLinkToken &&
			!strings.ContainsFunc(link, func(r rune) bool { return r <= ' ' || r > '~' }) && strings.Contains(got, rest) {
			t.Errorf("%q holds %q", got, rest)
		}
	})
}
