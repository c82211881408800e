package web

// UserWords are those of the page of one user.
type UserWords struct {
	Email, ExternalID, ID, Country, Language, Type string
	TimeZone, LocalTime, Mails, LastMail, Link     string
	LinkLasts, LinkUntil, LinkOver, Opened, Added  string
	AddressBad, Withdrawn, NoEmail                 string
	Next, ServerSaid, Because, By, History         string
	HistoryHint, HistoryCut, PausedFor, Probe      string
	ProbeNext, Copy                                string

	Acts, ActsHint, ActsErased                  string
	Resend, ResendHint, ResendDo, Force         string
	OptedOutHint                                string
	Hold, HoldHint, HoldDo                      string
	Release, ReleaseHint, ReleaseDo             string
	Mark, MarkHint, MarkDo, NewStatus, NoStatus string
	OptOut, OptOutHint, OptOutDo                string
	Erase, EraseHint, EraseDo, TypeID, NotTyped string

	Resent, Held, Released, Marked, OptedOut, Erased string

	WhyNot   map[string]string
	Outlooks map[string]OutlookText
	Timeline TimelineWords
}

// OutlookText is what comes next, or why nothing does.
type OutlookText struct{ Title, Text string }

// TimelineWords say what happened.
type TimelineWords struct {
	Added, Updated, Verified, Link, Lasts, Until, Often, News, Asked string

	Outcomes, Visits, Sessions, AskedBy, Effects, Actions map[string]string
}
