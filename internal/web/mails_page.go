package web

import (
	"errors"
	"net/http"
	"net/mail"
	"net/url"
	"slices"
	"strings"

	"alta/pipeline"
)

// MailsPage shows every mail as it will look, and sends tests.
type MailsPage struct {
	Pages *Pages
	From  Previewer
}

// The ways to look at a mail.
const (
	showLooks  = "looks"
	showText   = "text"
	showSource = "source"
)

// mailsView is what the page Mails shows.
type mailsView struct {
	Kind     MailKind
	Show     string
	Content  mailContent
	Broken   string // why the mail can't be written; "" when it can
	Findings []finding
	Kinds    []mailChoice
	Frames   []mailFrame
	Tabs     []mailTab
	Test     *testResult
	To       string // of the test before
	Lasting  bool   // as mails are sent now
}

// mailContent is a mail to be shown. Unlike a [pipeline.Content] it does not hide
// itself: its link is made up.
type mailContent struct{ Subject, Text, HTML string }

// mailChoice is an entry of the list of mails.
type mailChoice struct {
	Kind MailKind
	Link string
	Here bool
}

// mailFrame is one look at a mail.
type mailFrame struct {
	Link, Scheme, Width, Name string
}

// mailTab is one way to look at it.
type mailTab struct {
	Name, Link string
	Here       bool
}

// testResult is what came of a test.
type testResult struct {
	To, Reply, Problem string
}

func mailsScreen() Screen {
	return Screen{
		Name: "mails", Section: SectionMails,
		Title: func(w *Words, _ any) string { return w.Shell.Mails },
		Samples: func() []any {
			words, kind := englishWords(), MailKind{Step: pipeline.Invite, Locale: pipeline.ESMX}
			content := mailContent{"sample", "sample", "<html><p>sample"}
			looks := newMailsView(kind, showLooks, content, false, words)
			looks.Findings = append(looks.Findings, finding{"new", false, 1})
			looks.Test = &testResult{To: "x@example", Reply: "250 ok"}
			text := newMailsView(kind, showText, content, true, words)
			text.Test = &testResult{To: "x@example", Problem: "sample"}
			broken := newMailsView(kind, showLooks, mailContent{}, true, words)
			broken.Broken = "sample"
			return []any{looks, text, newMailsView(kind, showSource, content, true, words), broken}
		},
	}
}

// Show answers GET /mails.
func (m *MailsPage) Show(w http.ResponseWriter, r *http.Request) {
	kind, ok := m.kind(r.URL.Query())
	show := r.URL.Query().Get("show")
	if show == "" {
		show = showLooks
	}
	if !ok || !slices.Contains([]string{showLooks, showText, showSource}, show) {
		m.Pages.Error(w, r, http.StatusNotFound)
		return
	}
	m.Pages.Show(w, r, http.StatusOK, "mails", m.view(r, kind, show))
}

// Frame answers GET /mails/frame: the mail itself, for a frame of the page.
func (m *MailsPage) Frame(w http.ResponseWriter, r *http.Request) {
	kind, ok := m.kind(r.URL.Query())
	scheme := Scheme(r.URL.Query().Get("scheme"))
	if !ok || scheme != Light && scheme != Dark {
		plain(w, http.StatusNotFound, "There is no such mail.")
		return
	}
	content, err := m.From.Preview(r.Context(), kind)
	if err != nil {
		plain(w, http.StatusInternalServerError, "The mail can't be written: "+err.Error())
		return
	}
	h := w.Header()
	h.Set("Content-Security-Policy", framePolicy)
	h.Set("X-Frame-Options", "SAMEORIGIN")
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Cache-Control", "no-store")
	h.Set("X-Content-Type-Options", "nosniff")
	// A client that went away is nobody's concern.
	_, _ = w.Write([]byte(inScheme(content.HTML, scheme)))
}

// Test answers POST /mails/test, with the server's own reply.
func (m *MailsPage) Test(w http.ResponseWriter, r *http.Request) {
	act, ok := m.Pages.ReadAct(w, r)
	if !ok {
		return
	}
	kind, ok := m.kind(r.PostForm)
	if !ok {
		m.Pages.Error(w, r, http.StatusNotFound)
		return
	}
	to := strings.TrimSpace(r.PostForm.Get("to"))
	if address, err := mail.ParseAddress(to); err != nil || address.Address != to || !isLine(to) {
		m.Pages.Refuse(w, r, m.Pages.Words(r).Mails.BadAddress)
		return
	}
	test := &testResult{To: to}
	reply, err := m.From.SendTest(r.Context(), kind, to, act)
	if f, classified := errors.AsType[*pipeline.Fault](err); classified {
		test.Problem = f.Error()
	} else if err != nil {
		m.Pages.Fail(w, r, "send a test mail", err)
		return
	}
	test.Reply = reply
	v := m.view(r, kind, showLooks)
	v.Test, v.To = test, to
	m.Pages.Show(w, r, http.StatusOK, "mails", v)
}

func (m *MailsPage) view(r *http.Request, kind MailKind, show string) mailsView {
	content, err := m.From.Preview(r.Context(), kind)
	v := newMailsView(kind, show, mailContent(content), m.From.Lasting(), m.Pages.Words(r))
	if err != nil {
		v.Broken, v.Findings = err.Error(), nil
	}
	return v
}

// kind reads which mail is meant; without a word the first mail of all.
func (m *MailsPage) kind(q url.Values) (MailKind, bool) {
	if !q.Has("step") && !q.Has("locale") {
		return MailKind{Step: pipeline.Invite, Locale: pipeline.ESMX, Lasting: m.From.Lasting()}, true
	}
	k := MailKind{
		Step: pipeline.Step(q.Get("step")), Locale: pipeline.Locale(q.Get("locale")),
		Later: q.Get("later") == "1", Lasting: q.Get("lasting") == "1",
	}
	return k, slices.Contains(pipeline.Steps(), k.Step) && slices.Contains(locales(), k.Locale)
}

func newMailsView(kind MailKind, show string, c mailContent, lasting bool, words *Words) mailsView {
	v := mailsView{Kind: kind, Show: show, Content: c, Lasting: lasting, Findings: lint(pipeline.Content(c))}
	for _, locale := range locales() {
		for _, step := range pipeline.Steps() {
			for _, later := range []bool{false, true} {
				k := MailKind{step, locale, later, kind.Lasting}
				if step == pipeline.Invite && later {
					continue // nobody gets a second invite
				}
				v.Kinds = append(v.Kinds, mailChoice{k, "/mails?" + k.query(show), k == kind})
			}
		}
	}
	names := map[string]string{"desktop": words.Mails.Desktop, "phone": words.Mails.Phone, "light": words.Mails.Light, "dark": words.Mails.Dark}
	for _, scheme := range []string{string(Light), string(Dark)} {
		for _, width := range []string{"desktop", "phone"} {
			link := "/mails/frame?scheme=" + scheme + "&" + kind.query("")
			v.Frames = append(v.Frames, mailFrame{link, scheme, width, names[width] + ", " + names[scheme]})
		}
	}
	for _, tab := range []struct{ show, name string }{{showLooks, words.Mails.Looks}, {showText, words.Mails.Text}, {showSource, words.Mails.Source}} {
		v.Tabs = append(v.Tabs, mailTab{tab.name, "/mails?" + kind.query(tab.show), tab.show == show})
	}
	return v
}

// Other is the same mail with the other kind of link.
func (v mailsView) Other() string {
	k := v.Kind
	k.Lasting = !k.Lasting
	return "/mails?" + k.query(v.Show)
}

func (k MailKind) query(show string) string {
	q := url.Values{"step": {string(k.Step)}, "locale": {string(k.Locale)}}
	if k.Later {
		q.Set("later", "1")
	}
	if k.Lasting {
		q.Set("lasting", "1")
	}
	if show != "" {
		q.Set("show", show)
	}
	return q.Encode()
}
