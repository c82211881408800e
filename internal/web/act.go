package web

import (
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Act is what an operator does, and why.
type Act struct {
	Actor  string // "token:NAME"
	Reason string // one line, 1 to 500 characters
}

const (
	maxActReason = 500      // characters
	maxActForm   = 64 << 10 // bytes of a form
	mostUntyped  = 100      // users that an act may be about without their number being typed
	maxGroup     = 1_000    // users that one act on a group may be about
	reasonField  = "reason" // of the template "reason"
	typedField   = "typed"  // of the template "typed"
	actorPrefix  = "token:" // before the name of who signed in
	nobody       = "nobody" // where a handler runs without a guard, as in tests
)

// ReadAct reads the form of an act. Where it returns false it has answered: the
// form has no reason, one that is no line of text, or is too long.
func (p *Pages) ReadAct(w http.ResponseWriter, r *http.Request) (Act, bool) {
	r.Body = http.MaxBytesReader(w, r.Body, maxActForm)
	if err := r.ParseForm(); err != nil {
		p.Error(w, r, http.StatusBadRequest)
		return Act{}, false
	}
	words := p.Words(r).Acts
	reason := strings.TrimSpace(r.PostForm.Get(reasonField))
	switch {
	case reason == "":
		p.Refuse(w, r, words.NoReason)
		return Act{}, false
	case !isLine(reason):
		p.Refuse(w, r, words.NoLine)
		return Act{}, false
	case utf8.RuneCountInString(reason) > maxActReason:
		p.Refuse(w, r, fmt.Sprintf(words.LongReason, maxActReason))
		return Act{}, false
	}
	return Act{Actor: actorPrefix + p.actor(r), Reason: reason}, true
}

// Confirmed tells whether the form of an act on n users holds their number, where
// there are so many that it must. Where it returns false it has answered.
func (p *Pages) Confirmed(w http.ResponseWriter, r *http.Request, n int) bool {
	if n <= mostUntyped || typedNumber(r.PostForm.Get(typedField)) == n {
		return true
	}
	p.Refuse(w, r, fmt.Sprintf(p.Words(r).Acts.NotTyped, n))
	return false
}

func (p *Pages) actor(r *http.Request) string {
	if p.options.Who != nil {
		if who, ok := p.options.Who(r.Context()); ok {
			return who.Name
		}
	}
	return nobody
}

// typedNumber reads a number as people type it, with or without the signs that
// group thousands in either language; -1 is none.
func typedNumber(text string) int {
	digits := strings.Map(func(r rune) rune {
		if r == ',' || r == '.' || unicode.IsSpace(r) {
			return -1
		}
		return r
	}, text)
	n, err := strconv.ParseUint(digits, 10, 31)
	if err != nil {
		return -1
	}
	return int(n)
}

// isLine tells whether text is one line that shows as it is.
func isLine(text string) bool {
	return utf8.ValidString(text) && !strings.ContainsFunc(text, func(r rune) bool {
		return unicode.IsControl(r) || unicode.In(r, unicode.Zl, unicode.Zp, unicode.Bidi_Control)
	})
}
