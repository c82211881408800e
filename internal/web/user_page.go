package web

import (
	"errors"
	"net/http"
	"slices"

	"alta/pipeline"
)

// UserPage shows all about one user, and lets operators act.
type UserPage struct {
	Pages *Pages
	From  UserDesk
}

// userView is what the page of a user shows.
type userView struct {
	UserStory
	Outlook  told   // what comes next
	Told     []told // the latest first
	Statuses []pipeline.Status
}

// MayResend tells whether a mail by hand can go out as things are.
func (v userView) MayResend() bool {
	return (v.Status == pipeline.Pending || v.Status == pipeline.OptedOut) && !v.Withdrawn && v.Next.Kind != NextUnderway
}

// MayHold tells whether the next mail can be held.
func (v userView) MayHold() bool {
	switch v.Next.Kind {
	case NextNow, NextLater, NextHours, NextPlan:
		return true
	}
	return false
}

// MayRelease tells whether an operator holds the next mail.
func (v userView) MayRelease() bool { return v.Next.Kind == NextHeldByHand }

// MayOptOut tells whether the user can be opted out.
func (v userView) MayOptOut() bool {
	return v.Status == pipeline.Pending || v.Status == pipeline.InReview
}

// Erased tells whether nothing can be done any more.
func (v userView) Erased() bool { return v.Status == pipeline.Erased }

// Show answers GET /users/{id}.
func (u *UserPage) Show(w http.ResponseWriter, r *http.Request) {
	story, err := u.From.UserStory(r.Context(), r.PathValue("id"))
	if err != nil {
		u.fail(w, r, "read all about a user", err)
		return
	}
	u.Pages.Show(w, r, http.StatusOK, "user", newUserView(story, u.Pages.lookOf(r)))
}

func newUserView(s UserStory, k *look) userView {
	v := userView{UserStory: s, Outlook: k.tellNext(s.Next), Statuses: markStatuses(s.Status)}
	for _, m := range slices.Backward(s.Moments) {
		if m.Kind != MomentDue { // stands above, with when and why
			v.Told = append(v.Told, k.tell(m))
		}
	}
	return v
}

// markStatuses are those that a user with that one can be given.
func markStatuses(now pipeline.Status) []pipeline.Status {
	return slices.DeleteFunc(pipeline.Statuses(), func(s pipeline.Status) bool {
		return s == pipeline.Erased || s == pipeline.OptedOut || s == now
	})
}

// fail answers that the user is not there, or that something went wrong.
func (u *UserPage) fail(w http.ResponseWriter, r *http.Request, what string, err error) {
	if errors.Is(err, ErrNoUser) {
		u.Pages.Error(w, r, http.StatusNotFound)
		return
	}
	u.Pages.Fail(w, r, what, err)
}
