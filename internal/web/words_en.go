package web

func englishWords() *Words {
	return &Words{
		Language:  "English",
		Units:     UnitWords{Second: "s", Minute: "min", Hour: "h", Day: "day", Days: "days"},
		Roles:     RoleWords{Viewer: "viewer", Operator: "operator"},
		Shell:     englishShell(),
		Errors:    englishErrors(),
		Acts:      englishActs(),
		Causes:    englishCauses(),
		Overview:  englishOverview(),
		Forecast:  englishForecast(),
		Attention: englishAttention(),
		Mails:     englishMails(),
		Domain: DomainWords{
			Statuses: map[string]string{
				"pending": "Pending", "in_review": "In review", "verified": "Verified", "rejected": "Rejected",
				"opted_out": "Opted out", "erased": "Erased",
			},
			Steps: map[string]string{"invite": "Invite", "reminder": "Reminder", "reissue": "New link"},
			States: map[string]string{
				"due": "Due", "claimed": "In preparation", "sending": "Sending", "sent": "Sent", "failed": "Failed",
				"held": "Held", "cancelled": "Cancelled", "doubt": "In doubt",
			},
			Countries: map[string]string{"MX": "Mexico", "DO": "Dominican Republic"},
			Types:     map[string]string{"INDIVIDUAL": "Person", "BUSINESS": "Business"},
			Triggers:  map[string]string{"schedule": "Schedule", "command": "By hand", "resend": "Resend"},
			Users:     Noun{"user", "users"},
			Mails:     Noun{"mail", "mails"},
		},
	}
}

func englishShell() ShellWords {
	s := ShellWords{
		Product: "alta", Skip: "Skip to the content", Navigation: "Main navigation",
		Overview: "Overview", Users: "Users", Forecast: "Forecast", Attention: "Attention", Mails: "Mails", Audit: "Audit",
		SignedInAs: "Signed in as", SignOut: "Sign out", SignIn: "Sign in",
		LanguageLabel: "Language", Switch: "Change", TimesIn: "Times are in",
		Reason: "Reason", ReasonHint: "Kept in the audit log, with your name.",
		Confirm: "Number of users", ConfirmHint: "Type %s to confirm.",
		Cancel: "Cancel", Back: "Back", Next: "Next page", First: "First page", Show: "Show",
		None: "None", Never: "Never", Unknown: "Unknown",
		ViewersMayNot: "You can look at everything here. To act, sign in with an operator's token.",
		Table:         "The figures as a table",
	}
	s.Tones.Done, s.Tones.Warning, s.Tones.Failed = "Done", "Please note", "Not done"
	return s
}

func englishErrors() ErrorWords {
	return ErrorWords{
		NotFound: ErrorText{
			"There is nothing here", "This address leads to no page of alta. What it named may have been removed since.",
			"Check the address, or find your way from the overview.",
		},
		Forbidden: ErrorText{
			"You may not do that", "Your token lets you look, and this would change something; or the form came from another site.",
			"Sign in with an operator's token. Whoever runs alta makes one with “alta token add”.",
		},
		Method: ErrorText{
			"That can't be done here", "This address does not take that kind of request.", "Use the buttons of the page; nothing was changed.",
		},
		Broken: ErrorText{
			"That did not work", "Something went wrong inside alta. What was sent and written before is safe.",
			"Try again in a moment. If it stays, look at alta's log at the time below: it says what happened.",
		},
		TooMany: ErrorText{
			"Too much at once", "Too many requests came in a short time.", "Wait a minute, then try again.",
		},
		BadRequest: ErrorText{
			"Something is missing in the form", "The form was not filled in as it must be. Nothing was changed.", "Go back, mend it and send it again.",
		},
		Home: "To the overview",
	}
}
