package web

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"alta/pipeline"
)

// fakeAttention has groups, and notes what operators do.
type fakeAttention struct {
	groups  []AttentionGroup
	inbox   []InboxRow
	users   map[GroupKey][]AttentionUser
	refuses int // of those an act is about
	acted   []string
	did     string
	settled bool
}

func (f *fakeAttention) Attention(context.Context) ([]AttentionGroup, error) { return f.groups, nil }

func (f *fakeAttention) AttentionPage(_ context.Context, g GroupKey, after int64, n int) ([]AttentionUser, error) {
	rows := slices.DeleteFunc(slices.Clone(f.users[g]), func(u AttentionUser) bool { return u.Key <= after })
	return rows[:min(n, len(rows))], nil
}

func (f *fakeAttention) Inbox(_ context.Context, n int) ([]InboxRow, error) {
	return f.inbox[:min(n, len(f.inbox))], nil
}

func (f *fakeAttention) ActOnUsers(_ context.Context, users []string, do GroupAct, by Act) (GroupResult, error) {
	f.acted, f.did = users, string(do)+" "+by.Actor+" "+by.Reason
	r := GroupResult{Done: len(users) - f.refuses}
	if f.refuses > 0 {
		r.Refused = []Refused{{"the user is verified, and only pending users get mail: " + hostile, f.refuses, users[0]}}
	}
	return r, nil
}

func (f *fakeAttention) Settle(_ context.Context, id, event string, by Act) (bool, error) {
	f.did = "settle " + id + " " + event + " " + by.Actor + " " + by.Reason
	return f.settled, nil
}

func busyAttention() *fakeAttention {
	f := &fakeAttention{users: map[GroupKey][]AttentionUser{}}
	for i, g := range []AttentionGroup{
		{GroupKey: GroupKey{pipeline.Failed, "smtp.5.1.1", pipeline.MX}, Users: 1204, Reason: "the mail server says that this address takes no mail; correct the address and use 'alta resend' (it said: 550 5.1.1 <maria@correo.example>: Recipient address rejected: User unknown)"},
		{GroupKey: GroupKey{pipeline.Failed, "capa.not_found", pipeline.MX}, Users: 130, Reason: "the partner API does not know this user"},
		{GroupKey: GroupKey{pipeline.Held, "render", pipeline.DO}, Users: 14, Reason: hostile},
		{GroupKey: GroupKey{pipeline.InDoubt, "smtp.timeout", pipeline.MX}, Users: 3, Reason: "the mail server got the whole mail but its answer did not arrive"},
		{GroupKey: GroupKey{pipeline.Held, hostile, pipeline.MX}, Users: 1},
	} {
		g.First, g.Latest, g.UserID = pageNow().Add(-72*time.Hour), pageNow().Add(-time.Duration(i)*time.Hour), "u-1"
		f.groups = append(f.groups, g)
		for n := range g.Users {
			u := AttentionUser{
				Key: int64(n + 1), ID: fmt.Sprintf("u-%d-%d", i, n+1), Name: "María Fernández", Email: fmt.Sprintf("maria.%d@correo.example", n+1), Country: g.Country,
				Status: pipeline.Pending, Step: pipeline.Invite, Round: 1 + n%2, Attempts: 1 + n%5, Reason: g.Reason, Since: g.First,
			}
			if n == 3 {
				u.Name, u.ID, u.Email, u.Status = hostile, `../"><b>`, strings.Repeat("long", 16)+"@"+strings.Repeat("sub.", 45)+"example", pipeline.Verified
			}
			f.users[g.GroupKey] = append(f.users[g.GroupKey], u)
		}
	}
	f.inbox = []InboxRow{
		{ExternalID: "ext-77", Event: "KYC_VERIFIED", Effect: pipeline.UnknownUser, Times: 2, First: pageNow().Add(-time.Hour), Latest: pageNow()},
		{ExternalID: hostile, Event: hostile, Effect: pipeline.UnknownEvent, Times: 1, First: pageNow(), Latest: pageNow()},
	}
	return f
}

func attentionMux(t testing.TB, f *fakeAttention, operates bool) (*Pages, http.Handler) {
	a := &AttentionPage{operatorPages(t, operates), f}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /attention", a.Show)
	mux.HandleFunc("GET /attention/group", a.Group)
	mux.HandleFunc("POST /attention/act", a.Act)
	mux.HandleFunc("POST /attention/settle", a.Settle)
	return a.Pages, mux
}

func TestAttentionLooks(t *testing.T) {
	group := groupLink(GroupKey{pipeline.Failed, "smtp.5.1.1", pipeline.MX})
	for name, tt := range map[string]struct {
		f    *fakeAttention
		path string
	}{
		"attention":       {busyAttention(), "/attention"},
		"attention-empty": {&fakeAttention{}, "/attention"},
		"group":           {busyAttention(), group},
	} {
		for _, l := range Languages() {
			for _, operates := range []bool{true, false} {
				pages, mux := attentionMux(t, tt.f, operates)
				response, text := browse(t, mux, "GET", tt.path, l, "")
				if response.StatusCode != http.StatusOK {
					t.Errorf("status %d", response.StatusCode)
				}
				checkHostile(t, text)
				checkActs(t, text, operates && name != "attention-empty")
				if operates {
					goldenPage(t, pages, name+"-"+string(l)+".html", text)
				}
			}
		}
	}
}

func TestGroupPages(t *testing.T) {
	_, mux := attentionMux(t, busyAttention(), true)
	group := groupLink(GroupKey{pipeline.Failed, "smtp.5.1.1", pipeline.MX})
	for _, tt := range []struct {
		sentence, path string
		status         int
		has, lacks     string
	}{
		{"the first page leads to the second", group, http.StatusOK, "after=50", "u-0-51"},
		{"the second leads back", group + "&after=50", http.StatusOK, "First page", "u-0-50&"},
		{"the last leads no further", group + "&after=1180", http.StatusOK, "u-0-1204", "Next page"},
		{"a key that is none", group + "&after=x", http.StatusNotFound, "", ""},
		{"a key below nought", group + "&after=-1", http.StatusNotFound, "", ""},
		{"a group that is no longer there", "/attention/group?state=held&code=x&country=MX", http.StatusSeeOther, "", ""},
	} {
		t.Run(tt.sentence, func(t *testing.T) {
			response, text := browse(t, mux, "GET", tt.path, English, "")
			if response.StatusCode != tt.status {
				t.Fatalf("status %d, want %d", response.StatusCode, tt.status)
			}
			if !strings.Contains(text, tt.has) || tt.lacks != "" && strings.Contains(text, tt.lacks) {
				t.Errorf("want %q and not %q", tt.has, tt.lacks)
			}
		})
	}
}

func TestActsOnGroups(t *testing.T) {
	key := func(state pipeline.State, code string, c pipeline.Country) string {
		return url.Values{"state": {string(state)}, "code": {code}, "country": {string(c)}}.Encode()
	}
	big, mid, small := key(pipeline.Failed, "smtp.5.1.1", pipeline.MX), key(pipeline.Failed, "capa.not_found", pipeline.MX), key(pipeline.InDoubt, "smtp.timeout", pipeline.MX)
	for _, tt := range []struct {
		sentence, form string
		status, users  int // users is how many the act is about
	}{
		{"two that are ticked", small + "&do=resend&reason=ok&scope=ticked&user=a&user=b", http.StatusOK, 2},
		{"one that is ticked twice", small + "&do=resend&reason=ok&user=a&user=a", http.StatusOK, 1},
		{"as many as a page holds", small + "&do=resend&reason=ok" + manyUsers(groupPage), http.StatusOK, groupPage},
		{"more than a page holds are refused, and none is dropped silently", small + "&do=resend&reason=ok" + manyUsers(groupPage+1), http.StatusBadRequest, 0},
		{"nobody", small + "&do=resend&reason=ok", http.StatusBadRequest, 0},
		{"no reason", small + "&do=resend&user=a", http.StatusBadRequest, 0},
		{"no such act", small + "&do=erase&reason=ok&user=a", http.StatusBadRequest, 0},
		{"a small group needs no number", small + "&do=opted_out&reason=ok&scope=group&expect=3", http.StatusOK, 3},
		{"a group that has grown since", small + "&do=opted_out&reason=ok&scope=group&expect=2", http.StatusBadRequest, 0},
		{"a group that has shrunk since", small + "&do=opted_out&reason=ok&scope=group&expect=4", http.StatusBadRequest, 0},
		{"a group of which nobody says how large it was", small + "&do=opted_out&reason=ok&scope=group", http.StatusBadRequest, 0},
		{"a large group that has grown, though what is done is a thousand", big + "&do=resend&reason=ok&scope=group&expect=1203&typed=1000", http.StatusBadRequest, 0},
		{"a group above a hundred needs its number", mid + "&do=resend&reason=ok&scope=group&expect=130", http.StatusBadRequest, 0},
		{"another number is no number", mid + "&do=resend&reason=ok&scope=group&expect=130&typed=131", http.StatusBadRequest, 0},
		{"the number", mid + "&do=resend&reason=ok&scope=group&expect=130&typed=130", http.StatusOK, 130},
		{"at most a thousand", big + "&do=resend&reason=ok&scope=group&expect=1204&typed=1%2C000", http.StatusOK, 1000},
		{"the number of all is not what is done", big + "&do=resend&reason=ok&scope=group&expect=1204&typed=1204", http.StatusBadRequest, 0},
		{"a group that is no longer there", "state=held&code=x&country=MX&do=resend&reason=ok&scope=group", http.StatusSeeOther, 0},
	} {
		t.Run(tt.sentence, func(t *testing.T) {
			f := busyAttention()
			_, mux := attentionMux(t, f, true)
			response, text := browse(t, mux, "POST", "/attention/act", English, tt.form)
			if response.StatusCode != tt.status || len(f.acted) != tt.users {
				t.Errorf("status %d for %d users, want %d for %d\n%s", response.StatusCode, len(f.acted), tt.status, tt.users, text)
			}
			if tt.users > 0 && !strings.HasSuffix(f.did, " token:ana ok") {
				t.Errorf("done: %q", f.did)
			}
		})
	}
}

func manyUsers(n int) string {
	var form strings.Builder
	for i := range n {
		fmt.Fprintf(&form, "&user=u%d", i)
	}
	return form.String()
}

// The page says for how many it was done, and why not for the others.
func TestAnActOnAGroupThatChangedSaysSo(t *testing.T) {
	group := url.Values{"state": {string(pipeline.InDoubt)}, "code": {"smtp.timeout"}, "country": {"MX"}}.Encode()
	for _, tt := range []struct {
		sentence, form string
		language       Language
		says           string
	}{
		{"a group that has grown", group + "&do=resend&reason=ok&scope=group&expect=2", English, "it is 3 users now. Nothing was done"},
		{"the same in Spanish", group + "&do=resend&reason=ok&scope=group&expect=2", Spanish, "ahora es de 3 usuarios. No se hizo nada"},
		{"too many ticks", group + "&do=resend&reason=ok" + manyUsers(60), English, "60 users are ticked, and a page shows 50 at most"},
		{"the same in Spanish", group + "&do=resend&reason=ok" + manyUsers(60), Spanish, "Hay 60 usuarios marcados y una página muestra 50"},
	} {
		f := busyAttention()
		_, mux := attentionMux(t, f, true)
		if _, text := browse(t, mux, "POST", "/attention/act", tt.language, tt.form); !strings.Contains(text, tt.says) || f.acted != nil {
			t.Errorf("%s, acted on %q, lacks %q:\n%s", tt.sentence, f.acted, tt.says, text)
		}
	}
	// Between the count and the list somebody left.
	f := busyAttention()
	key := GroupKey{pipeline.InDoubt, "smtp.timeout", pipeline.MX}
	f.users[key] = f.users[key][:2]
	_, mux := attentionMux(t, f, true)
	if _, text := browse(t, mux, "POST", "/attention/act", English, group+"&do=resend&reason=ok&scope=group&expect=3"); !strings.Contains(text, "it is 2 users now") || f.acted != nil {
		t.Errorf("acted on %q:\n%s", f.acted, text)
	}
}

func TestResultOfAnAct(t *testing.T) {
	for _, l := range Languages() {
		f := busyAttention()
		f.refuses = 2
		pages, mux := attentionMux(t, f, true)
		_, text := browse(t, mux, "POST", "/attention/act", l, "state=doubt&code=smtp.timeout&country=MX&do=resend&reason=ok&scope=group&expect=3")
		goldenPage(t, pages, "result-"+string(l)+".html", text)
		checkHostile(t, text)
	}
}

func TestNewsIsSettled(t *testing.T) {
	for _, settled := range []bool{true, false} {
		f := &fakeAttention{settled: settled}
		_, mux := attentionMux(t, f, true)
		response, _ := browse(t, mux, "POST", "/attention/settle", English, "id=ext-7&event=KYC&reason=seen")
		if response.StatusCode != http.StatusSeeOther || response.Header.Get("Location") != "/attention" {
			t.Errorf("status %d", response.StatusCode)
		}
		if diff := cmp.Diff("settle ext-7 KYC token:ana seen", f.did); diff != "" {
			t.Error(diff)
		}
	}
}
