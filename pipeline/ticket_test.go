package pipeline_test

import (
	"bytes"
	"context"
	"errors"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"alta/pipeline"
)

const (
	landing  = "https://kyc.example"
	hexToken = "AAECAwQFBgcICQoLDA0ODw" // of the bytes 0 to 15
)

// lasting is the lasting link of the token.
func lasting(t testing.TB) pipeline.Link {
	t.Helper()
	d := invite()
	random := bytes.NewReader([]byte{0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15})
	if err := pipeline.Lasting(landing, random, stopped(ten))(t.Context(), d); err != nil {
		t.Fatal(err)
	}
	return d.Link
}

func TestLasting(t *testing.T) {
	made := lasting(t)
	if got := made.URL.Reveal(); got != landing+"/k/"+hexToken {
		t.Errorf("the link is %s", got)
	}
	if !made.Lasts() || *made.Ticket != pipeline.DigestTicket(hexToken) || !made.IssuedAt.Equal(ten) || !made.ExpiresAt.IsZero() {
		t.Errorf("link %+v", made)
	}
	if !made.Usable(ten.AddDate(100, 0, 0), time.Hour) {
		t.Error("the link expired in a hundred years")
	}

	for _, c := range []struct {
		sentence string
		base     string
		link     pipeline.Link
		repeat   bool
		random   int // bytes that there are
		kept     bool
		code     string // of the fault; "io" for an error that is none
	}{
		{sentence: "A new mail gets a link of its own.", base: landing, random: 16},
		{sentence: "A retry keeps its link.", base: landing, link: made, kept: true},
		{sentence: "A retry keeps a link that leads to the verification while that lives.", base: landing, link: link("https://v.example/s", ten), kept: true},
		{sentence: "One that has expired is replaced.", base: landing, link: link("https://v.example/s", ten.AddDate(0, 0, -2)), random: 16},
		{sentence: "A retry of a link that leads to another base gets a fresh one.", base: "https://other.example", link: made, random: 16},
		{sentence: "A base that another begins with is another.", base: "https://kyc.exam", link: made, random: 16},
		{sentence: "A mail in doubt keeps even that.", base: "https://other.example", link: made, repeat: true, kept: true},
		{sentence: "A mail in doubt that lost its link is cancelled.", base: landing, repeat: true, kept: true, code: "doubt_expired"},
		{sentence: "Without randomness there is no link.", base: landing, random: 15, kept: true, code: "io"},
	} {
		t.Run(c.sentence, func(t *testing.T) {
			d := invite()
			d.Link, d.Repeat = c.link, c.repeat
			random := bytes.NewReader(bytes.Repeat([]byte{7}, c.random))
			err := pipeline.Lasting(c.base, iotest.OneByteReader(random), stopped(ten))(t.Context(), d)
			if f, fault := errors.AsType[*pipeline.Fault](err); (err != nil) != (c.code != "") || fault && f.Code != c.code || !fault && c.code != "" && c.code != "io" {
				t.Fatalf("error %v, want %q", err, c.code)
			}
			if c.kept {
				if !d.Link.URL.Equal(c.link.URL) {
					t.Error("another link")
				}
				return
			}
			token, ok := strings.CutPrefix(d.Link.URL.Reveal(), c.base+"/k/")
			if !ok || len(token) != 22 || *d.Link.Ticket != pipeline.DigestTicket(token) || d.Link.ID != 0 || random.Len() != 0 {
				t.Errorf("link %+v", d.Link)
			}
		})
	}
}

// Only a reminder with a lasting link has an address to unsubscribe at.
func TestWhereToUnsubscribe(t *testing.T) {
	onPath := lasting(t)
	onPath.URL = pipeline.NewSecret("https://kyc.example/k/app/k/" + hexToken)
	for _, c := range []struct {
		sentence string
		step     pipeline.Step
		link     pipeline.Link
		want     string
	}{
		{"A reminder has the token of its link.", pipeline.Reminder, lasting(t), landing + "/u/" + hexToken},
		{"The path of the base stays.", pipeline.Reminder, onPath, "https://kyc.example/k/app/u/" + hexToken},
		{"An invite has none.", pipeline.Invite, lasting(t), ""},
		{"A re-issue has none.", pipeline.Reissue, lasting(t), ""},
		{"A link that leads to the verification has none, whatever its path.", pipeline.Reminder, link("https://v.example/k/abc", ten), ""},
		{"No link has none.", pipeline.Reminder, pipeline.Link{}, ""},
	} {
		t.Run(c.sentence, func(t *testing.T) {
			d := invite()
			d.Step, d.Link = c.step, c.link
			if got := d.Unsubscribe().Reveal(); got != c.want {
				t.Errorf("got %q, want %q", got, c.want)
			}
		})
	}
}

// The address is a part of the mail: a repeat that would have another is held, and
// one without is what it was before there was any.
func TestTheDigestCoversWhereToUnsubscribe(t *testing.T) {
	hello := pipeline.Content{Subject: "Hola"}
	stage := pipeline.Render(&pen{content: hello}, "s", stopped(ten), func() string { return "new@example.com" })
	d := invite()
	d.Step, d.Link = pipeline.Reminder, lasting(t)
	if err := stage(t.Context(), d); err != nil {
		t.Fatal(err)
	}
	if !d.Message.Unsubscribe.Equal(d.Unsubscribe()) || d.Message.Unsubscribe.IsZero() {
		t.Error("the message does not say where to unsubscribe")
	}
	if !bytes.Equal(d.Message.Digest, hello.Digest("s", d.User.Email, d.User.Name, landing+"/u/"+hexToken)) {
		t.Error("the digest leaves it out")
	}
	d.Repeat = true
	if err := stage(t.Context(), d); err != nil {
		t.Errorf("the same mail is not repeated: %v", err)
	}
	d.Link.URL = pipeline.NewSecret("https://other.example/k/" + hexToken)
	if err := stage(t.Context(), d); err == nil || pipeline.AsFault(err).Code != "doubt_changed" {
		t.Errorf("a mail with another address is repeated: %v", err)
	}

	plain := invite()
	if err := stage(t.Context(), plain); err != nil {
		t.Fatal(err)
	}
	if !plain.Message.Unsubscribe.IsZero() || !bytes.Equal(plain.Message.Digest, hello.Digest("s", plain.User.Email, plain.User.Name)) {
		t.Error("an invite says where to unsubscribe")
	}
}

// What was met while minting, before there were lasting links, ends with the first
// mail that has one: nothing is minted for it, so nothing would ever show that the
// partner is well.
func TestALastingLinkLiftsAPauseOfMinting(t *testing.T) {
	for _, c := range []struct {
		sentence string
		probe    pipeline.Pause
		link     pipeline.Link
		err      error
		lifted   bool
	}{
		{"A key that was refused.", pipeline.Pause{Code: "capa.key_refused", Minting: true}, lasting(t), nil, true},
		{"A country that was not set up.", pipeline.Pause{Country: pipeline.MX, Type: pipeline.Individual, Code: "capa.template", Minting: true}, lasting(t), nil, true},
		{"An outage of the mail server, as ever.", pipeline.Pause{Code: "smtp.dial"}, lasting(t), nil, true},
		{"A mail that was not sent lifts nothing.", pipeline.Pause{Code: "capa.key_refused", Minting: true}, lasting(t), &pipeline.Fault{Kind: pipeline.Retry, Code: "smtp.4.2.1"}, false},
		{"A link that was minted before tells nothing of minting.", pipeline.Pause{Code: "capa.key_refused", Minting: true}, link("https://v.example/s", ten), nil, false},
	} {
		t.Run(c.sentence, func(t *testing.T) {
			d := invite()
			d.Probe, d.Link = &c.probe, c.link
			ledger := &page{}
			stages := pipeline.Chain(pipeline.Lasting(landing, strings.NewReader(""), stopped(ten)), func(context.Context, *pipeline.Delivery) error { return c.err })
			v, err := pipeline.Record(ledger, usual(t), stopped(ten), stages, nil)(t.Context(), d)
			if err != nil {
				t.Fatal(err)
			}
			if (v.Lift != nil) != c.lifted {
				t.Errorf("lifts %v", v.Lift)
			}
			if v.Minted {
				t.Error("something counts as minted")
			}
		})
	}
}

// After a mail with a lasting link the plan owes no re-issue, since nothing expires.
func TestALastingLinkIsNotReissued(t *testing.T) {
	d := invite()
	d.Step, d.Link = pipeline.Reminder, lasting(t)
	d.History = pipeline.History{Mails: 3, InvitedAt: ten.AddDate(0, 0, -8), LastAt: ten.AddDate(0, 0, -4), LinkExpiresAt: ten.AddDate(0, 0, -3)}
	if v := usual(t).Judge(d, nil, ten); v.State != pipeline.Sent || v.Next != nil {
		t.Errorf("verdict %+v, next %+v", v, v.Next)
	}
}

func TestWhoMayOpenATicket(t *testing.T) {
	for _, c := range []struct {
		sentence string
		status   pipeline.Status
		gone     bool
		dead     bool
		want     bool
	}{
		{sentence: "Who is pending may.", status: pipeline.Pending, want: true},
		{sentence: "Who is in review may, since the provider may ask for more.", status: pipeline.InReview, want: true},
		{sentence: "Who opted out before this mail may.", status: pipeline.OptedOut, want: true},
		{sentence: "Who opted out after it may not.", status: pipeline.OptedOut, dead: true},
		{sentence: "Who is verified may not.", status: pipeline.Verified},
		{sentence: "Who was rejected may not.", status: pipeline.Rejected},
		{sentence: "Who was erased may not.", status: pipeline.Erased},
		{sentence: "Whom the source no longer returns may not.", status: pipeline.Pending, gone: true},
		{sentence: "Nobody may with a dead one.", status: pipeline.Pending, dead: true},
	} {
		t.Run(c.sentence, func(t *testing.T) {
			if got := (pipeline.Ticket{User: pipeline.User{Status: c.status}, Withdrawn: c.gone, Dead: c.dead}).Alive(); got != c.want {
				t.Errorf("alive: %v", got)
			}
		})
	}
}
