package web

import "net/http"

// Desk is the operator's pages, with all that they read and do.
type Desk struct {
	Pages     *Pages
	Overview  *OverviewPage
	Streams   *Streams
	Users     *UsersPage
	User      *UserPage
	Forecast  *ForecastPage
	Attention *AttentionPage
	Mails     *MailsPage
	Audit     *AuditPage
}

// Routes are those of the pages, for [Guard.Serve].
func (d Desk) Routes() []Route {
	look := func(path string, h http.HandlerFunc) Route {
		return Route{Method: http.MethodGet, Path: path, Who: Viewers, Handler: h}
	}
	act := func(path string, h http.HandlerFunc) Route {
		return Route{Method: http.MethodPost, Path: path, Who: Operators, Handler: h}
	}
	return []Route{
		// The style is for whoever signs in, too.
		{Method: http.MethodGet, Path: assetsPath, Who: Anybody, Handler: d.Pages.Assets()},
		{Method: http.MethodPost, Path: languagePath, Who: Anybody, Own: true, Handler: http.HandlerFunc(d.Pages.SetLanguage)},
		look("/{$}", d.Overview.Show),
		{Method: http.MethodGet, Path: "/events", Who: Viewers, Follows: true, Handler: d.Streams},
		act("/outage/try", d.Overview.Try),
		act("/guard/approve", d.Overview.Approve),
		look("/users", d.Users.Show),
		look("/users/{id}", d.User.Show),
		act("/users/{id}/resend", d.User.Resend),
		act("/users/{id}/hold", d.User.Hold),
		act("/users/{id}/release", d.User.Release),
		act("/users/{id}/mark", d.User.Mark),
		act("/users/{id}/optout", d.User.OptOut),
		act("/users/{id}/erase", d.User.Erase),
		look("/forecast", d.Forecast.Show),
		look("/attention", d.Attention.Show),
		look("/attention/group", d.Attention.Group),
		act("/attention/act", d.Attention.Act),
		act("/attention/settle", d.Attention.Settle),
		look("/mails", d.Mails.Show),
		look("/mails/frame", d.Mails.Frame),
		act("/mails/test", d.Mails.Test),
		look("/audit", d.Audit.Show),
		look("/audit.csv", d.Audit.Export),
	}
}
