package templates

import (
	"maps"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"unicode"

	"alta/pipeline"
)

const (
	// maxVariants and maxResolved bound what the variants of one locale and step
	// take, in number and in bytes; the built-in templates stay below both. What
	// comes above is executed.
	maxVariants = 64
	maxResolved = 640 << 10
)

// variant is a mail with its values left out. Most of a mail is the same for all
// users of a kind, so that a variant is learnt once, from what the templates write of
// values that can be told from everything else, and a mail of it is joined.
//
// Executing the templates stays the rule of what a mail is. A template that might
// treat two names differently is never resolved, a variant must prove that it
// writes the very bytes that execution does, and a mail that fails a check is
// executed to say so.
type variant struct {
	subject segments
	text    lines
	page    segments
	slots   []slot // those of all parts
	// What holds in every mail of the variant, so that no mail need be searched
	// for it.
	linkAlone   bool // the text passes checkText
	linkInClear bool // the page has the button and the link in clear, as checkHTML asks
}

// variantKey is all that a mail of one locale and step depends on besides the user's
// own values. The brand is the country's.
type variantKey struct {
	country  pipeline.Country
	business bool
	named    bool
	lasting  bool
	optOut   bool
	round    int
}

// variants holds the variants of one locale and step that were needed so far.
type variants struct {
	known    atomic.Pointer[knownVariants]
	learning sync.Mutex
}

// knownVariants is never changed once it can be seen. A key without a variant is one
// that must be executed.
type knownVariants struct {
	byKey map[variantKey]*variant
	full  bool
}

// variant returns the variant of a mail, or nil when the mail must be executed.
func (m *mail) variant(v *Variables) *variant {
	if m.usage.obstacle != "" {
		return nil
	}
	k := variantKey{v.Country, v.Business, v.Name != "", v.Lasting, v.OptOut != "", m.usage.likeRound(v.Round)}
	if known := m.variants.known.Load(); known != nil {
		if r, ok := known.byKey[k]; ok || known.full {
			return r
		}
	}
	return m.learn(k, v)
}

func (m *mail) learn(k variantKey, v *Variables) *variant {
	m.variants.learning.Lock()
	defer m.variants.learning.Unlock()
	next := knownVariants{byKey: map[variantKey]*variant{}}
	if known := m.variants.known.Load(); known != nil {
		if r, ok := known.byKey[k]; ok || known.full {
			return r
		}
		maps.Copy(next.byKey, known.byKey)
	}
	trial := *v
	trial.Round = k.round
	next.byKey[k] = m.resolve(trial)
	size := 0
	for _, r := range next.byKey {
		if r != nil {
			size += r.size()
		}
	}
	next.full = len(next.byKey) >= maxVariants || size > maxResolved
	m.variants.known.Store(&next)
	return next.byKey[k]
}

// resolve renders the mail with a probe, cuts it into segments and has them
// proved. It returns nil when one of these fails.
func (m *mail) resolve(v Variables) *variant {
	p, there := newProbe(), v.there()
	p.set(&v, there)
	raw, err := m.execute(&v)
	if err != nil {
		return nil
	}
	subject, cutSubject := cut(raw.subject, p)
	text, cutText := cut(raw.text, p)
	page, cutPage := cut(raw.page, p)
	if !cutSubject || !cutText || !cutPage {
		return nil
	}
	if len(subject.slots) == 0 {
		subject.texts[0] = oneLine(subject.texts[0])
	}
	first, last := &page.texts[0], &page.texts[len(page.slots)]
	*first = strings.TrimLeftFunc(*first, unicode.IsSpace)
	*last = strings.TrimRightFunc(*last, unicode.IsSpace)
	if *first == "" || *last == "" {
		return nil
	}
	*last += "\n"
	tidied, some := tidyLines(text)
	if !some {
		return nil
	}
	r := &variant{
		subject: subject, text: tidied, page: page,
		slots:       slices.Concat(subject.slots, text.slots, page.slots),
		linkAlone:   tidied.holdAlone(slot{linkValue, verbatim}),
		linkInClear: showsLink(&page),
	}
	if !m.proves(r, v, there) {
		return nil
	}
	return r
}

// fill joins the mail of a variant. It reports false when the mail must be executed.
func (m *mail) fill(r *variant, v *Variables) (pipeline.Content, bool) {
	if !fitsALine(v.Name) || !fitsALine(v.Link) || !fitsALine(v.ValidUntil) || !fitsALine(v.OptOut) {
		return pipeline.Content{}, false
	}
	var f filling
	f.fill(r.slots, v)
	c := pipeline.Content{Subject: r.subject.join(&f), Text: r.text.join(&f), HTML: r.page.join(&f)}
	if len(r.subject.slots) > 0 {
		c.Subject = oneLine(c.Subject)
	}
	return c, m.checkSubject(c.Subject, v) == nil &&
		(r.linkAlone || m.checkText(c.Text, v) == nil) &&
		(r.linkInClear && !strings.Contains(c.HTML, refused) || m.checkHTML(c.HTML, v) == nil) &&
		checkSize(c) == nil
}

// fitsALine tells whether a value leaves alone the lines and the ends of lines
// that lines takes for constant.
func fitsALine(s string) bool {
	return strings.IndexByte(s, '\n') < 0 && strings.TrimRight(s, " \t\r") == s
}

// showsLink tells whether the page passes checkHTML with any link: it holds the
// button and, besides, the link between two tags. What Href writes can't reach over
// the ends of that place, since it holds no angle bracket, nor stand within it, since
// the link there holds no quote. So the link is there once more than the
// attribute is. A character reference ends before a tag does, so that nothing around
// the place changes how the link in it is read.
func showsLink(page *segments) bool {
	button, clear := false, false
	for i, place := range page.slots {
		before, after := page.texts[i], page.texts[i+1]
		switch place {
		case slot{linkValue, inAttribute}:
			button = button || strings.HasSuffix(before, `href="`) && strings.HasPrefix(after, `"`)
		case slot{linkValue, inPage}:
			clear = clear || strings.HasSuffix(before, ">") && strings.HasPrefix(after, "<")
		}
	}
	return button && clear
}

func (r *variant) size() int {
	return r.subject.length(&filling{}) + r.text.size() + r.page.length(&filling{})
}
