package web

import (
	"time"

	"alta/pipeline"
)

func attentionScreen() Screen {
	return Screen{
		Name: "attention", Section: SectionAttention,
		Title: func(w *Words, _ any) string { return w.Shell.Attention },
		Samples: func() []any {
			inbox := []InboxRow{{ExternalID: "x", Event: "e", Effect: pipeline.UnknownUser, Times: 2}}
			return []any{attentionView{}, attentionView{Groups: []groupView{sampleGroup()}, Inbox: inbox, InboxFull: true}}
		},
	}
}

func groupScreen() Screen {
	return Screen{
		Name: "group", Section: SectionAttention,
		Title: func(_ *Words, view any) string { return view.(groupPageView).Cause.Title },
		Samples: func() []any {
			row := AttentionUser{Key: 1, ID: "u", Name: "sample", Country: pipeline.MX, Status: pipeline.Pending, Step: pipeline.Invite, Round: 2, Reason: "sample"}
			return []any{
				groupPageView{groupView: sampleGroup(), First: true, Acts: GroupActs()},
				groupPageView{groupView: sampleGroup(), Rows: []AttentionUser{row}, Next: "/", AtMax: 500, Acts: GroupActs(), Code: "x"},
			}
		},
	}
}

func resultScreen() Screen {
	return Screen{
		Name: "result", Section: SectionAttention,
		Title: func(w *Words, _ any) string { return w.Attention.Result },
		Samples: func() []any {
			return []any{
				resultView{GroupResult: GroupResult{Done: 1}, Do: GroupResend, Asked: 1},
				resultView{GroupResult: GroupResult{Done: 1, Refused: []Refused{{"sample", 2, "u"}}}, Do: GroupOptOut, Asked: 3},
			}
		},
	}
}

func sampleGroup() groupView {
	return newGroupView(AttentionGroup{
		GroupKey: GroupKey{pipeline.Held, "render", pipeline.MX}, Users: 500, First: time.Unix(1, 0), Latest: time.Unix(2, 0), UserID: "u", Reason: "sample",
	}, englishWords())
}
