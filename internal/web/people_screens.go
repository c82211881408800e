package web

import (
	"time"

	"alta/pipeline"
)

func usersScreen() Screen {
	return Screen{
		Name: "users", Section: SectionUsers,
		Title: func(w *Words, _ any) string { return w.Shell.Users },
		Samples: func() []any {
			row := sampleRow()
			bad := row
			bad.AddressBad, bad.Withdrawn, bad.OpenedAt, bad.Name = true, true, time.Unix(5, 0), ""
			return []any{
				newUsersView(UserQuery{}, UserList{}, nil),
				newUsersView(UserQuery{Text: "x"}, UserList{}, nil),
				newUsersView(UserQuery{Text: "x", Status: pipeline.Pending, Stage: StageOpened, After: "b"}, UserList{Users: []UserRow{row, bad}, Next: "c"}, []string{"a"}),
				newUsersView(UserQuery{Country: pipeline.MX}, UserList{Next: "c"}, nil),
			}
		},
	}
}

func userScreen() Screen {
	return Screen{
		Name: "user", Section: SectionUsers,
		Title: func(_ *Words, view any) string {
			v := view.(userView)
			if v.Name == "" {
				return v.ID
			}
			return v.Name
		},
		Samples: func() (all []any) {
			k := &look{language: English, words: englishWords()}
			k.format = newFormat(English, k.words, time.UTC)
			pause := &pipeline.Pause{Country: pipeline.MX, Type: pipeline.Individual, Reason: "sample", Since: time.Unix(1, 0), ProbeAt: time.Unix(2, 0)}
			for _, next := range []Prospect{
				{Kind: NextNow, Step: pipeline.Invite, Round: 1, Pause: pause, Ripe: true}, {Kind: NextLater, At: time.Unix(9, 0), Step: pipeline.Reminder, Round: 1, Pause: pause},
				{Kind: NextHeldByHand, Reason: "sample", Code: "operator_hold"}, {Kind: NoneFailed, Reason: "sample"}, {Kind: NoneStatus, Status: pipeline.Verified},
			} {
				s := UserStory{UserRow: sampleRow(), TimeZone: "UTC", LocalTime: time.Unix(1, 0), ResendStep: pipeline.Reissue, Next: next, Moments: sampleMoments(), Cut: true}
				all = append(all, newUserView(s, k))
				s.LastMail, s.Mails, s.OpenedAt, s.AddressBad, s.Withdrawn, s.LinkExpiresAt = time.Unix(1, 0), 1, time.Unix(2, 0), true, true, time.Unix(3, 0)
				s.Status = pipeline.OptedOut
				all = append(all, newUserView(s, k))
				s.Status, s.Moments, s.Cut, s.Email, s.LinkExpiresAt = pipeline.Erased, nil, false, "", time.Unix(1<<40, 0)
				all = append(all, newUserView(s, k))
			}
			return all
		},
	}
}

func auditScreen() Screen {
	return Screen{
		Name: "audit", Section: SectionAudit,
		Title: func(w *Words, _ any) string { return w.Shell.Audit },
		Samples: func() []any {
			lines := []AuditLine{{ID: 2, At: time.Unix(1, 0), Actor: "token:x", Action: "mark", UserID: "u", Detail: "sample"}, {ID: 1, Action: "rekey"}}
			return []any{
				auditView{}, auditView{AuditQuery: AuditQuery{User: "u"}, Busy: true},
				auditView{Lines: lines, Next: "/", First: "/", Proven: &provenView{AuditProof{Rows: 2, Loose: 1, Hash: "x"}, time.Unix(3, 0)}},
				auditView{Lines: lines, Proven: &provenView{AuditProof{Broken: 1, Why: "sample"}, time.Unix(3, 0)}},
			}
		},
	}
}

func sampleRow() UserRow {
	return UserRow{
		ID: "u", ExternalID: "x", Name: "sample", Email: "s@x.example", Country: pipeline.MX, Locale: pipeline.ESMX, Type: pipeline.Individual,
		Status: pipeline.Pending, AddedAt: time.Unix(1, 0),
	}
}

func sampleMoments() []Moment {
	at := time.Unix(1, 0)
	return []Moment{
		{Kind: MomentAdded, At: at}, {Kind: MomentAttempt, At: at, Step: pipeline.Invite, Round: 1, Outcome: pipeline.OutcomeSent, Reply: "250 sample"},
		{Kind: MomentAttempt, At: at, Step: pipeline.Invite, Round: 1, Outcome: pipeline.OutcomeFailed, Code: "smtp.5.1.1", Reason: "sample"},
		{Kind: MomentAct, At: at, Actor: "token:x", Action: "mark", Detail: "sample"},
	}
}
