package web

import (
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"time"

	"alta/pipeline"
)

const (
	groupPage = 50
	inboxPage = 100
	// expectField has how many users the group had when its page was made.
	expectField = "expect"
)

// AttentionPage shows what waits for a person, and lets operators act on it.
type AttentionPage struct {
	Pages *Pages
	From  Attender
}

// attentionView is what the page Attention shows.
type attentionView struct {
	Groups    []groupView
	Inbox     []InboxRow
	InboxFull bool // there is more than is shown
}

// groupView is a group in plain words.
type groupView struct {
	AttentionGroup
	Cause Cause
	Link  string
}

// groupPageView is what the page of one group shows.
type groupPageView struct {
	groupView
	Rows  []AttentionUser
	Next  string // the link to the next page; "" is none
	First bool   // this is the first page
	AtMax int    // users that an act on the whole group is about
	Acts  []GroupAct
	Code  string
}

// resultView is what the page about the result of an act shows.
type resultView struct {
	GroupResult
	Do    GroupAct
	Asked int
	Back  string
}

// Bad counts the users for whom the act was refused.
func (v resultView) Bad() int { return v.Asked - v.Done }

// Show answers GET /attention.
func (a *AttentionPage) Show(w http.ResponseWriter, r *http.Request) {
	groups, err := a.From.Attention(r.Context())
	if err != nil {
		a.Pages.Fail(w, r, "read what waits for a person", err)
		return
	}
	inbox, err := a.From.Inbox(r.Context(), inboxPage+1)
	if err != nil {
		a.Pages.Fail(w, r, "read the news that wait", err)
		return
	}
	v := attentionView{Inbox: inbox[:min(len(inbox), inboxPage)], InboxFull: len(inbox) > inboxPage}
	for _, g := range groups {
		v.Groups = append(v.Groups, newGroupView(g, a.Pages.Words(r)))
	}
	a.Pages.Show(w, r, http.StatusOK, "attention", v)
}

// Group answers GET /attention/group.
func (a *AttentionPage) Group(w http.ResponseWriter, r *http.Request) {
	q := r.URL.Query()
	after, err := strconv.ParseInt(q.Get("after"), 10, 64)
	if err != nil && q.Has("after") || after < 0 {
		a.Pages.Error(w, r, http.StatusNotFound)
		return
	}
	g, ok := a.group(w, r, keyOf(q))
	if !ok {
		return
	}
	rows, err := a.From.AttentionPage(r.Context(), g.GroupKey, after, groupPage+1)
	if err != nil {
		a.Pages.Fail(w, r, "read the users of a group", err)
		return
	}
	v := groupPageView{groupView: newGroupView(g, a.Pages.Words(r)), Rows: rows, First: after == 0, AtMax: min(g.Users, maxGroup), Acts: GroupActs(), Code: g.Code}
	if len(rows) > groupPage {
		v.Rows = rows[:groupPage]
		v.Next = v.Link + "&after=" + strconv.FormatInt(v.Rows[groupPage-1].Key, 10)
	}
	a.Pages.Show(w, r, http.StatusOK, "group", v)
}

// Act answers POST /attention/act: on the users whose boxes are ticked, or on the
// whole group, the first thousand of it, if it is as large as the operator saw it.
func (a *AttentionPage) Act(w http.ResponseWriter, r *http.Request) {
	act, ok := a.Pages.ReadAct(w, r)
	if !ok {
		return
	}
	words := a.Pages.Words(r).Attention
	do := GroupAct(r.PostForm.Get("do"))
	if !slices.Contains(GroupActs(), do) {
		a.Pages.Refuse(w, r, words.NoAct)
		return
	}
	users, ok := a.chosen(w, r)
	if !ok {
		return
	}
	if len(users) == 0 {
		a.Pages.Refuse(w, r, words.NoUsers)
		return
	}
	// A thousand users take longer than the server gives a page; what it writes behind
	// that limit would be lost. It fails where there is none.
	_ = http.NewResponseController(w).SetWriteDeadline(time.Time{})
	result, err := a.From.ActOnUsers(r.Context(), users, do, act)
	if err != nil {
		a.Pages.Fail(w, r, "act on the users of a group", err)
		return
	}
	a.Pages.Show(w, r, http.StatusOK, "result", resultView{
		GroupResult: result, Do: do, Asked: len(users), Back: groupLink(keyOf(r.PostForm)),
	})
}

// Settle answers POST /attention/settle.
func (a *AttentionPage) Settle(w http.ResponseWriter, r *http.Request) {
	act, ok := a.Pages.ReadAct(w, r)
	if !ok {
		return
	}
	settled, err := a.From.Settle(r.Context(), r.PostForm.Get("id"), r.PostForm.Get("event"), act)
	if err != nil {
		a.Pages.Fail(w, r, "settle news", err)
		return
	}
	flash := Flash{ToneDone, a.Pages.Words(r).Attention.Settled}
	if !settled {
		flash = Flash{ToneWarning, a.Pages.Words(r).Attention.NotSettled}
	}
	a.Pages.SetFlash(w, flash)
	http.Redirect(w, r, "/attention", http.StatusSeeOther)
}

// chosen lists the users that the form is about. Where it returns false it has
// answered.
func (a *AttentionPage) chosen(w http.ResponseWriter, r *http.Request) ([]string, bool) {
	if r.PostForm.Get("scope") != "group" {
		users := r.PostForm["user"]
		slices.Sort(users)
		users = slices.Compact(users)
		if len(users) > groupPage { // no page of alta's sends so many: to do a part of it would mislead
			look := a.Pages.lookOf(r)
			a.Pages.Refuse(w, r, fmt.Sprintf(look.words.Attention.TooMany, look.users(len(users)), look.format.number(groupPage)))
			return nil, false
		}
		return users, true
	}
	g, ok := a.group(w, r, keyOf(r.PostForm))
	if !ok {
		return nil, false
	}
	if typedNumber(r.PostForm.Get(expectField)) != g.Users {
		a.changed(w, r, g.Users)
		return nil, false
	}
	if !a.Pages.Confirmed(w, r, min(g.Users, maxGroup)) {
		return nil, false
	}
	rows, err := a.From.AttentionPage(r.Context(), g.GroupKey, 0, maxGroup)
	if err != nil {
		a.Pages.Fail(w, r, "read the users of a group", err)
		return nil, false
	}
	if len(rows) != min(g.Users, maxGroup) { // it changed between the count and the list
		a.changed(w, r, len(rows))
		return nil, false
	}
	users := make([]string, len(rows))
	for i, row := range rows {
		users[i] = row.ID
	}
	return users, true
}

// changed refuses an act on a group that is no longer what the operator saw.
func (a *AttentionPage) changed(w http.ResponseWriter, r *http.Request, users int) {
	look := a.Pages.lookOf(r)
	a.Pages.Refuse(w, r, fmt.Sprintf(look.words.Attention.Changed, look.users(users)))
}

// group finds a group among those there are. Where it returns false it has answered.
func (a *AttentionPage) group(w http.ResponseWriter, r *http.Request, key GroupKey) (AttentionGroup, bool) {
	groups, err := a.From.Attention(r.Context())
	if err != nil {
		a.Pages.Fail(w, r, "read what waits for a person", err)
		return AttentionGroup{}, false
	}
	i := slices.IndexFunc(groups, func(g AttentionGroup) bool { return g.GroupKey == key })
	if i < 0 {
		a.Pages.SetFlash(w, Flash{ToneWarning, a.Pages.Words(r).Attention.Gone})
		http.Redirect(w, r, "/attention", http.StatusSeeOther)
		return AttentionGroup{}, false
	}
	return groups[i], true
}

func newGroupView(g AttentionGroup, words *Words) groupView {
	return groupView{AttentionGroup: g, Cause: words.Causes.of(g.Code, g.Reason), Link: groupLink(g.GroupKey)}
}

func keyOf(q url.Values) GroupKey {
	return GroupKey{State: pipeline.State(q.Get("state")), Code: q.Get("code"), Country: pipeline.Country(q.Get("country"))}
}

func groupLink(g GroupKey) string {
	return "/attention/group?" + url.Values{"state": {string(g.State)}, "code": {g.Code}, "country": {string(g.Country)}}.Encode()
}
