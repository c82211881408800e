package web

func englishUser() UserWords {
	return UserWords{
		Email: "E-mail", ExternalID: "External id", ID: "Id", Country: "Country", Language: "Language", Type: "Type",
		TimeZone: "Time zone", LocalTime: "Local time", Mails: "Mails", LastMail: "Latest mail", Link: "Latest link",
		LinkLasts: "never expires", LinkUntil: "works until", LinkOver: "expired", Opened: "Opened it", Added: "Added",
		AddressBad: "Address undeliverable", Withdrawn: "Withdrawn by the source", NoEmail: "no address",
		Next: "What comes next", ServerSaid: "The mail server said", Because: "Stored reason", By: "by", History: "Everything that happened",
		HistoryHint: "The latest first.", HistoryCut: "Only the latest 500 are shown.", PausedFor: "But sending is paused:",
		Probe: "One mail is tried after", ProbeNext: "The next run tries one mail.", Copy: "Copy",

		Acts: "Act", ActsHint: "Each act asks why; it stays in the audit log.", ActsErased: "This user was erased. That is final, and nothing can be done any more.",
		Resend: "Send again", ResendHint: "“%s” goes out at once, at any hour, in place of what was planned.", ResendDo: "Send now",
		Force: "Even if the latest mail is fresh", OptedOutHint: "This user opted out of mails. Send only what the user has asked for.",
		Hold: "Hold", HoldHint: "The next mail stays back until you release it or send again.", HoldDo: "Hold the mail",
		Release: "Release", ReleaseHint: "The mail is due again at the time that it had.", ReleaseDo: "Release the mail",
		Mark: "Change the status", MarkHint: "Only pending users get mail. Becoming pending again plans the next one.", MarkDo: "Change", NewStatus: "New status", NoStatus: "Choose one of the statuses.",
		OptOut: "Opt out", OptOutHint: "No more mail goes out by itself, and the user's links stop working.", OptOutDo: "Opt the user out",
		Erase: "Erase", EraseHint: "Name, address, links and what mail servers said are removed for good. The id stays, so that no import brings the user back. It can't be undone.",
		EraseDo: "Erase for good", TypeID: "Type the id to confirm:", NotTyped: "To erase a user, type the id exactly as it is shown. Nothing was changed.",

		Resent: "The mail is due now; it goes out within seconds.", Held: "The mail is held. Nothing goes out until you release it or send again.",
		Released: "The mail is released, and due as it was.", Marked: "The status is now: %s.", OptedOut: "The user is opted out. What was due is cancelled.",
		Erased: "The user's personal data is removed.",

		WhyNot: map[string]string{
			"gap":       "The latest mail went out %s ago, and the plan leaves the user in peace for %s more. Tick the box to send all the same.",
			"status":    "The status is “%s”: mail goes to pending users, and by hand to those who opted out.",
			"withdrawn": "The source no longer returns the user, so no mail may go out.",
			"underway":  "A mail to the user is on its way this moment. Try again in a minute.",
			"not_due":   "No mail to the user is due, so there is nothing to hold.",
			"held":      "The next mail is held already.",
			"waits":     "The mail waits for you as it is; nothing goes out by itself.",
			"not_held":  "No mail to the user is held by an operator.",
			"erased":    "The user was erased, which is final.",
			"same":      "The user has that status already.",
		},
		Outlooks: map[string]OutlookText{
			"now":           {"%s goes out with the next run", "It is due now."},
			"later":         {"%s is planned", "It goes out by itself at that time."},
			"hours":         {"%s waits for a decent hour", "It is due, and goes out when the sending hours begin where the user lives."},
			"plan":          {"%s is put off by the plan", "The plan as it is now, or the gap after another mail, owes it later."},
			"cancel":        {"%s will be cancelled", "It is due, and the plan no longer owes it."},
			"underway":      {"%s is on its way this moment", "Look again in a minute."},
			"interrupted":   {"%s was on its way when alta ended", "The next run settles it."},
			"held_by_hand":  {"%s is held by an operator", "Nothing goes out until it is released or sent again."},
			"held":          {"%s is held", "Mend the cause, then send again."},
			"doubt":         {"It is in doubt whether %s arrived", "Look into the mail server's log. To send again repeats the very same message."},
			"none_status":   {"Nothing: the status is “%s”", "Only pending users get mail by themselves."},
			"none_withdraw": {"Nothing: the source no longer returns the user", "If it does again, the mails go on by themselves."},
			"none_address":  {"Nothing: the address takes no mail", "Import a better address, and the mail follows by itself."},
			"none_failed":   {"Nothing: %s failed", "Mend the cause, then send again."},
			"none_changed":  {"Nothing: the plan no longer owes a mail", "When the next mail fell due, the plan of that time did not have it. You can send one by hand."},
			"none_most":     {"Nothing: the user got %s", "That is the most that plan.max_mails allows. You can send one by hand."},
			"none_over":     {"Nothing: the user got every mail of the plan", "You can send one by hand."},
		},
		Timeline: TimelineWords{
			Added: "Came into the ledger", Updated: "Data changed, for the latest time", Verified: "Became verified", Link: "A link was made for a mail",
			Lasts: "It never expires.", Until: "It works until %s.", Often: "%s times, the latest %s.",
			News: "The partner told “%s”", Asked: "The partner API was asked, and said where the user stands",
			Outcomes: map[string]string{
				"sent": "%s was sent", "retry": "%s was put off", "failed": "%s failed", "held": "%s is held", "doubt": "%s is in doubt", "cancelled": "%s was cancelled",
			},
			Visits: map[string]string{
				"scan": "A scanner fetched the link of “%s”", "open": "Opened the link of “%s”", "mint": "Went on to the verification from “%s”",
				"use": "Went on to the same verification from “%s”", "turn": "Wanted the verification from “%s”, and none could be opened",
			},
			Sessions: map[string]string{"minting": "A verification is being opened", "open": "A verification was opened", "failed": "No verification could be opened"},
			AskedBy:  map[string]string{"click": "After a click in a mail.", "app": "For an app, or to see whether the partner API is back."},
			Effects: map[string]string{
				"applied": "The status follows.", "known": "That was known already.", "unknown_user": "It waits for an operator.",
				"several_users": "Several users have this external id, so it waits for an operator.", "unknown_event": "alta does not know it, so it waits for an operator.",
			},
			Actions: englishActions(),
		},
	}
}

// englishActions are the actions of the audit log.
func englishActions() map[string]string {
	return map[string]string{
		"mark": "Status changed by hand", "resend": "Sent again by hand", "hold": "Held by hand", "release": "Released by hand", "erase": "Erased",
		"opt_out": "Opted out", "ask_later": "Asked for a mail once the service is back", "approve": "A run was approved", "try_now": "An outage was probed at once",
		"enrol": "Came, or was changed, by the API", "link": "A link was handed out by the API", "run": "A run was begun by the API",
		"settle_news": "News was seen to", "test_mail": "A test mail was sent", "token_add": "A token was made", "token_revoke": "A token was revoked", "rekey": "The data key was changed", "move": "The ledger was moved",
	}
}
