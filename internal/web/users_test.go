package web

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"alta/pipeline"
)

// fakePeople is a ledger of users, and notes what operators do.
type fakePeople struct {
	rows  []UserRow
	asked UserQuery
	story UserStory
	why   WhyNot
	did   string
	fault error
}

func (f *fakePeople) FindUsers(_ context.Context, q UserQuery) (UserList, error) {
	f.asked = q
	from := 0
	if q.After != "" {
		if _, err := fmt.Sscanf(q.After, "at%d", &from); err != nil {
			return UserList{}, fmt.Errorf("%w: %w", ErrPlace, err)
		}
	}
	end := min(from+q.Limit, len(f.rows))
	l := UserList{Users: f.rows[from:end]}
	if end < len(f.rows) {
		l.Next = fmt.Sprintf("at%d", end)
	}
	return l, f.fault
}

func (f *fakePeople) UserStory(_ context.Context, id string) (UserStory, error) {
	if id != f.story.ID {
		return UserStory{}, fmt.Errorf("%w: %s", ErrNoUser, id)
	}
	return f.story, f.fault
}

func (f *fakePeople) note(what, id string, by Act) (WhyNot, error) {
	if id != f.story.ID {
		return WhyNot{}, ErrNoUser
	}
	f.did = what + " " + id + " " + by.Actor + " " + by.Reason
	return f.why, f.fault
}

func (f *fakePeople) Resend(_ context.Context, id string, force bool, by Act) (WhyNot, error) {
	return f.note(fmt.Sprintf("resend %v", force), id, by)
}

func (f *fakePeople) Hold(_ context.Context, id string, by Act) (WhyNot, error) {
	return f.note("hold", id, by)
}

func (f *fakePeople) Release(_ context.Context, id string, by Act) (WhyNot, error) {
	return f.note("release", id, by)
}

func (f *fakePeople) Mark(_ context.Context, id string, s pipeline.Status, by Act) (WhyNot, error) {
	return f.note("mark "+string(s), id, by)
}

func (f *fakePeople) Erase(_ context.Context, id string, by Act) (WhyNot, error) {
	return f.note("erase", id, by)
}

func manyPeople(n int) *fakePeople {
	now, f := pageNow(), &fakePeople{story: busyStory()}
	names := []string{"María Fernández", "José Luis Ramírez Ortega", "Ana Torres", "Wilkins Almonte", "Distribuidora del Norte, S.A. de C.V."}
	for i := range n {
		u := UserRow{
			ID: fmt.Sprintf("8f14e45f-ceea-467f-%04d", i), Name: names[i%len(names)], Email: fmt.Sprintf("persona.%d@correo.example", i), ExternalID: fmt.Sprintf("c-%d", i),
			Country: countries()[i%2], Locale: locales()[i%2], Type: pipeline.Individual, Status: pipeline.Statuses()[i%4], AddedAt: now.Add(-time.Duration(i+30) * time.Hour),
		}
		if i%3 > 0 {
			u.Mails, u.LastMail = i%5+1, now.Add(-time.Duration(i)*time.Hour)
		}
		if i%5 == 2 {
			u.OpenedAt = now.Add(-time.Duration(i) * time.Minute)
		}
		switch i {
		case 4:
			u.Type = pipeline.Business
		case 6:
			u.AddressBad, u.Status = true, pipeline.Pending
		case 7:
			u.Name, u.Email, u.Withdrawn = hostile, strings.Repeat("long", 16)+"@"+strings.Repeat("sub.", 45)+"example", true
		case 9:
			u.Name, u.Email, u.Status = "", "", pipeline.Erased
		}
		f.rows = append(f.rows, u)
	}
	return f
}

func peopleMux(t testing.TB, f *fakePeople, operates bool) (*Pages, http.Handler) {
	pages := operatorPages(t, operates)
	list, one := &UsersPage{pages, f}, &UserPage{pages, f}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /users", list.Show)
	mux.HandleFunc("GET /users/{id}", one.Show)
	for act, h := range map[string]http.HandlerFunc{
		"resend": one.Resend, "hold": one.Hold, "release": one.Release, "mark": one.Mark, "optout": one.OptOut, "erase": one.Erase,
	} {
		mux.HandleFunc("POST /users/{id}/"+act, h)
	}
	return pages, mux
}

func TestUsersLook(t *testing.T) {
	for name, tt := range map[string]struct {
		f    *fakePeople
		path string
	}{
		"users":         {manyPeople(12), "/users"},
		"users-none":    {manyPeople(0), "/users"},
		"users-nobody":  {manyPeople(0), "/users?q=" + url.QueryEscape(hostile)},
		"users-between": {manyPeople(160), "/users?q=ana&country=MX&after=at50&trail="},
	} {
		for _, l := range Languages() {
			pages, mux := peopleMux(t, tt.f, true)
			response, text := browse(t, mux, "GET", tt.path, l, "")
			if response.StatusCode != http.StatusOK {
				t.Errorf("status %d", response.StatusCode)
			}
			checkHostile(t, text)
			goldenPage(t, pages, name+"-"+string(l)+".html", text)
		}
	}
}

// What is typed and chosen reaches the ledger as it is.
func TestUsersAreLookedFor(t *testing.T) {
	f := manyPeople(1)
	_, mux := peopleMux(t, f, false)
	browse(t, mux, "GET", "/users?q=+Mar%C3%ADa+&country=DO&status=pending&stage=opened&type=BUSINESS&locale=es-DO&after=at0", English, "")
	want := UserQuery{Text: "María", Country: pipeline.DO, Status: pipeline.Pending, Stage: StageOpened, Type: pipeline.Business, Locale: pipeline.ESDO, After: "at0", Limit: usersPerPage}
	if f.asked != want {
		t.Errorf("asked for %+v, want %+v", f.asked, want)
	}
	for name, query := range map[string]string{
		"a country that is none":         "country=US",
		"a status that is none":          "status=' OR 1=1",
		"a stage that is none":           "stage=x",
		"a type that is none":            "type=x",
		"a language that is none":        "locale=fr",
		"a text of two lines":            "q=a%0Ab",
		"a text that is too long":        "q=" + strings.Repeat("a", 201),
		"a text that is none":            "q=%ff",
		"a place that no page has given": "after=nowhere",
	} {
		if response, text := browse(t, mux, "GET", "/users?"+strings.ReplaceAll(query, " ", "+"), English, ""); response.StatusCode != http.StatusBadRequest || !strings.Contains(text, "<h1>") {
			t.Errorf("%s is answered %d: %s", name, response.StatusCode, text)
		}
	}
}

var pagerLink = regexp.MustCompile(`rel="(prev|next)" href="([^"]+)"`)

// From page to page and back again every user is seen once each way.
func TestUsersComePageByPage(t *testing.T) {
	f := manyPeople(170)
	_, mux := peopleMux(t, f, false)
	walk := func(path, direction string) (pages int, last string) {
		for {
			_, text := browse(t, mux, "GET", path, English, "")
			pages++
			next := ""
			for _, m := range pagerLink.FindAllStringSubmatch(text, -1) {
				if m[1] == direction {
					next = strings.ReplaceAll(m[2], "&amp;", "&")
				}
			}
			if next == "" {
				return pages, path
			}
			path = next
		}
	}
	pages, last := walk("/users?status=pending", "next")
	if pages != 4 || f.asked.After != "at150" {
		t.Errorf("%d pages forward, the last at %s", pages, f.asked.After)
	}
	pages, last = walk(last, "prev")
	if pages != 4 || last != "/users?status=pending" {
		t.Errorf("%d pages back, the last is %s", pages, last)
	}
}

// A script that asks while somebody types gets the list alone.
func TestAScriptGetsTheListAlone(t *testing.T) {
	_, mux := peopleMux(t, manyPeople(3), false)
	s := serve(t, mux)
	defer closeServer(t, s)
	r, err := http.NewRequestWithContext(t.Context(), "GET", "http://"+s.Addr()+"/users?q=a", nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Close = true
	r.Header.Set("HX-Request", "true")
	response, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	text := bodyOf(t, response)
	if strings.Contains(text, "<html") || !strings.Contains(text, `id="found"`) || !strings.Contains(text, `hx-swap-oob="true"`) {
		t.Errorf("it gets %s", text)
	}
}

func TestUsersThatCantBeReadAreAnErrorPage(t *testing.T) {
	f := manyPeople(3)
	f.fault = errors.New("the disk is gone")
	_, mux := peopleMux(t, f, true)
	for _, path := range []string{"/users", "/users/" + f.story.ID} {
		response, text := browse(t, mux, "GET", path, English, "")
		if response.StatusCode != http.StatusInternalServerError || strings.Contains(text, "the disk") {
			t.Errorf("%s is answered %d: %s", path, response.StatusCode, text)
		}
	}
}
