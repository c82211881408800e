package pipeline_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"strings"
	"testing"
	"time"

	"alta/pipeline"
)

// pen writes what it is told to, whatever the delivery.
type pen struct {
	content pipeline.Content
	err     error
	saw     pipeline.Message
}

func (p *pen) Render(d *pipeline.Delivery) (pipeline.Content, error) {
	p.saw = d.Message
	return p.content, p.err
}

func TestRender(t *testing.T) {
	hello := pipeline.Content{Subject: "Hola", Text: "Hola, María", HTML: "<p>Hola, María</p>"}
	changed := hello
	changed.HTML += " "
	earlier := pipeline.Message{ID: "old@example.com", Date: ten.Add(-time.Hour), Digest: hello.Digest("", invite().User.Email, invite().User.Name)}
	fresh := pipeline.Message{ID: "new@example.com", Date: ten}
	for _, c := range []struct {
		name    string
		message pipeline.Message
		repeat  bool
		pen     pen
		want    pipeline.Message // its ID and Date
		code    string
		user    func(*pipeline.User)
		sender  string
	}{
		{name: "A new mail gets an id and a date of its own.", pen: pen{content: hello}, want: fresh},
		{name: "A retry that is no repeat is another mail.", message: earlier, pen: pen{content: changed}, want: fresh},
		{name: "A repeat keeps its id and date.", message: earlier, repeat: true, pen: pen{content: hello}, want: earlier},
		{name: "A repeat that would read otherwise is held.", message: earlier, repeat: true, pen: pen{content: changed}, want: earlier, code: "doubt_changed"},
		{name: "A repeat to another address is held.", message: earlier, repeat: true, pen: pen{content: hello}, want: earlier, code: "doubt_changed",
			user: func(u *pipeline.User) { u.Email = "new@example.mx" }},
		{name: "A repeat to another name is held.", message: earlier, repeat: true, pen: pen{content: hello}, want: earlier, code: "doubt_changed",
			user: func(u *pipeline.User) { u.Name = "Ana" }},
		{name: "A repeat from another sender is held.", message: earlier, repeat: true, pen: pen{content: hello}, want: earlier, code: "doubt_changed",
			sender: "Acme <new@acme.example>"},
		{name: "A repeat that the ledger knows no digest of is held.", message: pipeline.Message{ID: "old@example.com", Date: ten}, repeat: true,
			pen: pen{content: hello}, want: pipeline.Message{ID: "old@example.com", Date: ten}, code: "doubt_changed"},
		{name: "A template that fails holds the mail.", pen: pen{err: errors.New("no such variable")}, want: fresh, code: "render"},
	} {
		t.Run(c.name, func(t *testing.T) {
			d := invite()
			d.Message, d.Repeat = c.message, c.repeat
			if c.user != nil {
				c.user(&d.User)
			}
			err := pipeline.Render(&c.pen, c.sender, stopped(ten), func() string { return "new@example.com" })(t.Context(), d)
			if d.Message.ID != c.want.ID || !d.Message.Date.Equal(c.want.Date) {
				t.Errorf("message %s of %v, want %s of %v", d.Message.ID, d.Message.Date, c.want.ID, c.want.Date)
			}
			if c.pen.saw.ID != c.want.ID || !c.pen.saw.Date.Equal(c.want.Date) {
				t.Error("the renderer saw another message than the one that goes out")
			}
			if c.code != "" {
				f := pipeline.AsFault(err)
				if f.Kind != pipeline.Hold || f.Code != c.code || f.Country != "" {
					t.Errorf("fault %+v, want a hold with code %s", f, c.code)
				}
				if d.Message.Content != (pipeline.Content{}) {
					t.Error("the refused content is in the message")
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if d.Message.Content != c.pen.content || !bytes.Equal(d.Message.Digest, c.pen.content.Digest(c.sender, d.User.Email, d.User.Name)) {
				t.Error("the message does not carry the content and its digest")
			}
		})
	}
}

func TestDigest(t *testing.T) {
	base := pipeline.Content{Subject: "a", Text: "b", HTML: "c"}
	if !bytes.Equal(base.Digest(), pipeline.Content{Subject: "a", Text: "b", HTML: "c"}.Digest()) {
		t.Error("the same content has two digests")
	}
	for _, c := range []struct {
		name  string
		other pipeline.Content
	}{
		{"Another subject.", pipeline.Content{Subject: "x", Text: "b", HTML: "c"}},
		{"Another text.", pipeline.Content{Subject: "a", Text: "x", HTML: "c"}},
		{"Another HTML.", pipeline.Content{Subject: "a", Text: "b", HTML: "x"}},
		{"The same letters in other parts.", pipeline.Content{Subject: "ab", Text: "", HTML: "c"}},
		{"The parts in another order.", pipeline.Content{Subject: "c", Text: "b", HTML: "a"}},
		{"Nothing.", pipeline.Content{}},
	} {
		t.Run(c.name, func(t *testing.T) {
			if bytes.Equal(base.Digest(), c.other.Digest()) {
				t.Error("the digest is the same")
			}
		})
	}
}

// A digest is the one that the ledger of an earlier version knows, whatever the size
// of the parts: SHA-256 over each part behind its length.
func TestDigestOfLongParts(t *testing.T) {
	for _, size := range []int{0, 1, 1023, 1024, 1025, 2048, 12345} {
		c := pipeline.Content{Subject: "a", Text: strings.Repeat("b", size), HTML: strings.Repeat("c", 2*size)}
		var all []byte
		for _, part := range []string{c.Subject, c.Text, c.HTML, "more"} {
			all = append(binary.BigEndian.AppendUint64(all, uint64(len(part))), part...)
		}
		if want := sha256.Sum256(all); !bytes.Equal(c.Digest("more"), want[:]) {
			t.Errorf("parts of %d bytes have another digest", size)
		}
	}
}
