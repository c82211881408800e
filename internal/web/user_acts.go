package web

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"alta/pipeline"
)

// Resend answers POST /users/{id}/resend.
func (u *UserPage) Resend(w http.ResponseWriter, r *http.Request) {
	u.act(w, r, "resend to a user", u.words(r).Resent, func(id string, by Act) (WhyNot, error) {
		return u.From.Resend(r.Context(), id, r.PostForm.Has("force"), by)
	})
}

// Hold answers POST /users/{id}/hold.
func (u *UserPage) Hold(w http.ResponseWriter, r *http.Request) {
	u.act(w, r, "hold a user's mail", u.words(r).Held, func(id string, by Act) (WhyNot, error) {
		return u.From.Hold(r.Context(), id, by)
	})
}

// Release answers POST /users/{id}/release.
func (u *UserPage) Release(w http.ResponseWriter, r *http.Request) {
	u.act(w, r, "release a user's mail", u.words(r).Released, func(id string, by Act) (WhyNot, error) {
		return u.From.Release(r.Context(), id, by)
	})
}

// Mark answers POST /users/{id}/mark.
func (u *UserPage) Mark(w http.ResponseWriter, r *http.Request) {
	u.act(w, r, "mark a user", "", func(id string, by Act) (WhyNot, error) {
		status := pipeline.Status(r.PostForm.Get("status"))
		if !slices.Contains(markStatuses(""), status) {
			return WhyNot{}, formError(u.words(r).NoStatus)
		}
		return u.From.Mark(r.Context(), id, status, by)
	})
}

// OptOut answers POST /users/{id}/optout.
func (u *UserPage) OptOut(w http.ResponseWriter, r *http.Request) {
	u.act(w, r, "opt a user out", u.words(r).OptedOut, func(id string, by Act) (WhyNot, error) {
		return u.From.Mark(r.Context(), id, pipeline.OptedOut, by)
	})
}

// Erase answers POST /users/{id}/erase. The id must be typed.
func (u *UserPage) Erase(w http.ResponseWriter, r *http.Request) {
	u.act(w, r, "erase a user", u.words(r).Erased, func(id string, by Act) (WhyNot, error) {
		if strings.TrimSpace(r.PostForm.Get(typedField)) != id {
			return WhyNot{}, formError(u.words(r).NotTyped)
		}
		return u.From.Erase(r.Context(), id, by)
	})
}

// formError is what is wrong with a form, in the operator's language.
type formError string

func (e formError) Error() string { return string(e) }

// act reads the form, does it, and goes back to the user with a message about what
// came of it.
func (u *UserPage) act(w http.ResponseWriter, r *http.Request, what, done string, do func(id string, by Act) (WhyNot, error)) {
	by, ok := u.Pages.ReadAct(w, r)
	if !ok {
		return
	}
	id := r.PathValue("id")
	whyNot, err := do(id, by)
	if wrong, ok := errors.AsType[formError](err); ok {
		u.Pages.Refuse(w, r, string(wrong))
		return
	}
	if err != nil {
		u.fail(w, r, what, err)
		return
	}
	k := u.Pages.lookOf(r)
	flash := Flash{ToneDone, done}
	switch {
	case whyNot.Refused():
		flash = Flash{ToneFailed, k.whyNot(whyNot)}
	case done == "":
		flash.Text = fmt.Sprintf(k.words.User.Marked, named(k.words.Domain.Statuses, r.PostForm.Get("status")))
	}
	u.Pages.SetFlash(w, flash)
	http.Redirect(w, r, usersPath+"/"+url.PathEscape(id), http.StatusSeeOther)
}

func (u *UserPage) words(r *http.Request) *UserWords { return &u.Pages.Words(r).User }

// whyNot says why an act was refused.
func (k *look) whyNot(n WhyNot) string {
	words := k.words.User.WhyNot
	switch n.Code {
	case NotInGap:
		return fmt.Sprintf(words[string(NotInGap)], k.format.span(n.Ago), k.format.span(n.Left))
	case NotByStatus:
		return fmt.Sprintf(words[string(NotByStatus)], named(k.words.Domain.Statuses, string(n.Status)))
	case NotOther:
		return n.Text
	}
	return named(words, string(n.Code))
}
