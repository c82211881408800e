package web

// Words is all that the operator's pages say, in one language. Each page has its
// own part, beside it in words_PAGE.go; a test finds the word that a language lacks.
type Words struct {
	Language  string // the name of the language, in itself
	Units     UnitWords
	Shell     ShellWords
	Errors    ErrorWords
	Roles     RoleWords
	Domain    DomainWords
	Acts      ActWords
	Causes    causes
	Overview  OverviewWords
	Forecast  ForecastWords
	Attention AttentionWords
	Mails     MailsWords
}

// Noun is a noun behind a number.
type Noun struct{ One, Many string }

// UnitWords are the units of time.
type UnitWords struct{ Second, Minute, Hour, Day, Days string }

// ShellWords are those around every page.
type ShellWords struct {
	Product, Skip, Navigation       string
	Overview, Users, Forecast       string
	Attention, Mails, Audit         string
	SignedInAs, SignOut, SignIn     string
	LanguageLabel, Switch           string
	TimesIn                         string // before the name of a time zone
	Reason, ReasonHint              string
	Confirm, ConfirmHint            string // a number to type
	Cancel, Back, Next, First, Show string
	None, Never, Unknown            string
	ViewersMayNot                   string
	Table                           string // of a chart's figures
	Tones                           struct{ Done, Warning, Failed string }
}

// ErrorWords are those of the pages about errors: what happened and what to do.
type ErrorWords struct {
	NotFound, Forbidden, Method, Broken, TooMany, BadRequest ErrorText
	Home                                                     string
}

// ErrorText is one page about an error.
type ErrorText struct{ Title, What, Next string }

// RoleWords name what somebody may do.
type RoleWords struct{ Viewer, Operator string }

// DomainWords name what alta works with. They are looked up by the words of package
// pipeline; what alta knows no word for is shown as it is.
type DomainWords struct {
	Statuses, Steps, States, Countries, Types, Triggers map[string]string
	Users, Mails                                        Noun
}

func wordsOf(l Language) *Words {
	if l == Spanish {
		return spanishWords()
	}
	return englishWords()
}
