package web

import (
	"net/http"
	"time"

	"alta/pipeline"
)

// OverviewPage shows how everything stands, and lets operators end an outage or
// the guard's stop.
type OverviewPage struct {
	Pages *Pages
	From  Overviewer
	Live  LiveRuns
	Runs  Runner
}

func overviewScreen() Screen {
	return Screen{
		Name: "overview", Section: SectionOverview,
		Title:   func(w *Words, _ any) string { return w.Shell.Overview },
		Samples: overviewSamples,
	}
}

// Show answers GET /.
func (o *OverviewPage) Show(w http.ResponseWriter, r *http.Request) {
	found, err := o.From.Overview(r.Context())
	if err != nil {
		o.Pages.Fail(w, r, "read the overview", err)
		return
	}
	live, err := o.Live.LiveRun(r.Context())
	if err != nil {
		o.Pages.Fail(w, r, "read the run under way", err)
		return
	}
	view, err := newOverviewView(found, live, o.Pages.lookOf(r), o.Pages.options.Now())
	if err != nil {
		o.Pages.Fail(w, r, "draw the overview", err)
		return
	}
	o.Pages.Show(w, r, http.StatusOK, "overview", view)
}

// Try answers POST /outage/try: a run begins that tries one mail.
func (o *OverviewPage) Try(w http.ResponseWriter, r *http.Request) {
	act, ok := o.Pages.ReadAct(w, r)
	if !ok {
		return
	}
	if err := o.Runs.TryNow(r.Context(), act); err != nil {
		o.Pages.Fail(w, r, "begin a run that tries one mail", err)
		return
	}
	o.Pages.SetFlash(w, Flash{ToneDone, o.Pages.Words(r).Overview.Trying})
	http.Redirect(w, r, "/", http.StatusSeeOther)
}

// Approve answers POST /guard/approve: the run goes that the guard has stopped. The
// operator types how many mails it will send.
func (o *OverviewPage) Approve(w http.ResponseWriter, r *http.Request) {
	act, ok := o.Pages.ReadAct(w, r)
	if !ok {
		return
	}
	words, due := o.Pages.Words(r).Overview, typedNumber(r.PostForm.Get(typedField))
	if due <= 0 {
		o.Pages.Refuse(w, r, words.TypeMails)
		return
	}
	ok, err := o.Runs.Approve(r.Context(), due, act)
	switch {
	case err != nil:
		o.Pages.Fail(w, r, "approve the run", err)
		return
	case !ok:
		o.Pages.SetFlash(w, Flash{ToneWarning, words.NotApproved})
	default:
		o.Pages.SetFlash(w, Flash{ToneDone, words.Approved})
	}
	http.Redirect(w, r, "/", http.StatusSeeOther)
}

// overviewSamples go through every branch of the page.
func overviewSamples() []any {
	now := time.Date(2026, 11, 24, 18, 0, 0, 0, time.UTC)
	full := sampleOverview(now)
	words := wordsOf(English)
	k := &look{language: English, words: words, format: newFormat(English, words, time.UTC)}
	v, err := newOverviewView(full, nil, k, now)
	if err != nil {
		return []any{err} // the page can't be written with it, which stops the program
	}
	empty := overviewView{}
	empty.Live = liveView{Now: now, Run: &LiveRun{ID: 7, Trigger: "schedule", StartedAt: now, Due: 10}}
	return []any{empty, v}
}

func sampleOverview(now time.Time) Overview {
	o := Overview{
		Funnel: []FunnelPart{
			{Country: pipeline.MX, Waiting: 1, Mailed: 2, Opened: 3, InReview: 4, Verified: 5, Rejected: 6, OptedOut: 7, Erased: 8, Undeliverable: 1, Withdrawn: 1},
			{Country: pipeline.DO},
		},
		Verified: []TimeBucket{{time.Hour, 2}, {0, 1}},
		Queue:    QueueFigures{Due: 1, Later: 2, Retry: 1, Preparing: 1, Sending: 1, Held: 1, Doubt: 1, Failed: 1, OldestDue: now.Add(-time.Hour), NextDue: now.Add(time.Hour)},
		Pauses: []pipeline.Pause{
			{Code: "smtp.dial", Reason: "sample", Since: now.Add(-time.Hour), ProbeAt: now.Add(time.Minute)},
			{Country: pipeline.DO, Type: pipeline.Individual, Code: "capa.no_template", Reason: "sample", Since: now.Add(-time.Hour), ProbeAt: now},
		},
		Guard:   &GuardStop{Due: 5000, Usual: []int{1, 2, 3}},
		NextRun: now.Add(5 * time.Minute),
		Runs: []RunRow{
			{ID: 2, Trigger: "schedule", StartedAt: now},
			{ID: 1, Trigger: "command", StartedAt: now.Add(-time.Hour), FinishedAt: now, Error: "sample", Report: pipeline.Report{Outage: "sample", DurationMS: 1}},
			{ID: 0, Trigger: "resend", StartedAt: now.Add(-time.Hour), FinishedAt: now, Report: pipeline.Report{Selected: 3, Sent: 1, Failed: 2}},
		},
		Fleet: &Fleet{
			Machines: []MachineRow{{Name: "a", Version: "1", Leads: true, StartedAt: now, SeenAt: now}, {Name: "b", Draining: true, StartedAt: now, SeenAt: now}},
			Paused:   []PausedQueue{{Name: "q", Since: now}},
		},
	}
	for day := range 30 {
		o.Days = append(o.Days, MailDay{now.AddDate(0, 0, day-29), day, 1, 0})
	}
	return o
}
