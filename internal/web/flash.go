package web

import (
	"encoding/base64"
	"encoding/json"
	"net/http"
)

// The tones of a flash.
const (
	ToneDone    Tone = "done"
	ToneWarning Tone = "warning"
	ToneFailed  Tone = "failed"
)

// Tone says how a message is to be taken.
type Tone string

// Flash is a message about what an act came to, shown once on the next page.
type Flash struct {
	Tone Tone   `json:"tone"`
	Text string `json:"text"` // in the language of the operator, without markup
}

const (
	flashCookie = "flash"
	flashAge    = 60   // seconds
	mostFlash   = 1500 // bytes of text; a cookie has room for 4,096
)

// SetFlash keeps a message for the next page that this browser shows. Call it
// right before the redirect that answers an act.
func (p *Pages) SetFlash(w http.ResponseWriter, f Flash) {
	f.Text = cut(f.Text, mostFlash)
	data, err := json.Marshal(f)
	if err != nil {
		return // two strings can always be written
	}
	http.SetCookie(w, p.flashCookie(base64.RawURLEncoding.EncodeToString(data), flashAge))
}

// takeFlash returns the message that waits for this browser, nil for none, and
// forgets it.
func (p *Pages) takeFlash(w http.ResponseWriter, r *http.Request) *Flash {
	c, err := r.Cookie(flashCookie)
	if err != nil {
		return nil
	}
	http.SetCookie(w, p.flashCookie("", -1))
	data, err := base64.RawURLEncoding.DecodeString(c.Value)
	if err != nil {
		return nil
	}
	var f Flash
	if json.Unmarshal(data, &f) != nil || f.Text == "" {
		return nil
	}
	switch f.Tone {
	case ToneDone, ToneWarning, ToneFailed:
		return &f
	}
	return nil
}

func (p *Pages) flashCookie(value string, age int) *http.Cookie {
	return &http.Cookie{
		Name: flashCookie, Value: value, Path: "/", MaxAge: age,
		HttpOnly: true, Secure: p.options.Secure, SameSite: http.SameSiteStrictMode,
	}
}

// cut shortens text to at most so many bytes, between two characters.
func cut(text string, most int) string {
	if len(text) <= most {
		return text
	}
	end := 0
	for i := range text {
		if i > most-len("…") {
			break
		}
		end = i
	}
	return text[:end] + "…"
}
