package web

import (
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"unicode/utf8"

	"alta/pipeline"
)

const (
	usersPerPage = 50
	mostSearched = 200 // characters of what is looked for
	mostTrail    = 40  // pages that one can go back from where one is
	trailDivider = "." // stands in no place to go on from
	usersPath    = "/users"
	fromScript   = "HX-Request"
)

// UsersPage finds users.
type UsersPage struct {
	Pages *Pages
	From  UserFinder
}

// usersView is what the page Users shows.
type usersView struct {
	UserQuery
	Users          []UserRow
	Previous, Next string // links; "" is none
	First          string // the link to the first page; "" is this one
	More           bool   // a page without a user is not the last

	Countries []pipeline.Country
	Statuses  []pipeline.Status
	Stages    []UserStage
	Types     []pipeline.UserType
	Locales   []pipeline.Locale
}

// Filtered tells whether anything was looked for.
func (v usersView) Filtered() bool {
	q := v.UserQuery
	q.After, q.Limit = "", 0
	return q != UserQuery{}
}

// Show answers GET /users. A script that asks gets the list alone.
func (u *UsersPage) Show(w http.ResponseWriter, r *http.Request) {
	values := r.URL.Query()
	q, ok := userQuery(values)
	if !ok {
		u.Pages.Refuse(w, r, u.Pages.Words(r).Users.BadQuery)
		return
	}
	found, err := u.From.FindUsers(r.Context(), q)
	if errors.Is(err, ErrPlace) {
		u.Pages.Refuse(w, r, u.Pages.Words(r).Users.BadPlace)
		return
	}
	if err != nil {
		u.Pages.Fail(w, r, "find users", err)
		return
	}
	v := newUsersView(q, found, trailOf(values))
	if r.Header.Get(fromScript) != "" {
		u.Pages.ShowPart(w, r, "users", "found", v)
		return
	}
	u.Pages.Show(w, r, http.StatusOK, "users", v)
}

// userQuery reads what is looked for; false is what no form of the page sends.
func userQuery(values url.Values) (q UserQuery, ok bool) {
	q = UserQuery{
		Text:    strings.TrimSpace(values.Get("q")),
		Country: pipeline.Country(values.Get("country")), Status: pipeline.Status(values.Get("status")), Stage: UserStage(values.Get("stage")),
		Type: pipeline.UserType(values.Get("type")), Locale: pipeline.Locale(values.Get("locale")),
		After: values.Get("after"), Limit: usersPerPage,
	}
	return q, isLine(q.Text) && utf8.RuneCountInString(q.Text) <= mostSearched &&
		oneOf(q.Country, countries()) && oneOf(q.Status, pipeline.Statuses()) && oneOf(q.Stage, userStages()) &&
		oneOf(q.Type, userTypes()) && oneOf(q.Locale, locales())
}

// oneOf tells whether the choice is one of those that are offered, or none at all.
func oneOf[T ~string](choice T, offered []T) bool {
	return choice == "" || slices.Contains(offered, choice)
}

func countries() []pipeline.Country { return []pipeline.Country{pipeline.MX, pipeline.DO} }

func userTypes() []pipeline.UserType {
	return []pipeline.UserType{pipeline.Individual, pipeline.Business}
}

// trailOf are the places where the pages before this one began, the first of which
// is "" and is left out.
func trailOf(values url.Values) []string {
	text := values.Get("trail")
	if text == "" {
		return nil
	}
	trail := strings.Split(text, trailDivider)
	return trail[max(len(trail)-mostTrail, 0):]
}

func newUsersView(q UserQuery, found UserList, trail []string) usersView {
	v := usersView{
		UserQuery: q, Users: found.Users, More: found.Next != "",
		Countries: countries(), Statuses: pipeline.Statuses(), Stages: userStages(), Types: userTypes(), Locales: locales(),
	}
	if q.After != "" {
		v.First, v.Previous = usersLink(q, "", nil), usersLink(q, "", nil)
		if n := len(trail); n > 0 {
			v.Previous = usersLink(q, trail[n-1], trail[:n-1])
		}
	}
	if found.Next != "" {
		behind := trail
		if q.After != "" {
			behind = append(slices.Clone(trail), q.After)
		}
		v.Next = usersLink(q, found.Next, behind[max(len(behind)-mostTrail, 0):])
	}
	return v
}

// usersLink leads to the page that begins at the place, and knows the way back.
func usersLink(q UserQuery, after string, trail []string) string {
	values := url.Values{}
	for name, value := range map[string]string{
		"q": q.Text, "country": string(q.Country), "status": string(q.Status), "stage": string(q.Stage),
		"type": string(q.Type), "locale": string(q.Locale), "after": after, "trail": strings.Join(trail, trailDivider),
	} {
		if value != "" {
			values.Set(name, value)
		}
	}
	if len(values) == 0 {
		return usersPath
	}
	return usersPath + "?" + values.Encode()
}
