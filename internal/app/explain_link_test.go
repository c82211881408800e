package app

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"alta/pipeline"
	"alta/store"
)

// The story of a lasting link: who came, what was opened, and what the partner said.
func TestTheStoryOfALastingLink(t *testing.T) {
	u := explainUser()
	u.CreatedAt = moment(t, "2026-03-01T15:00:00Z")
	sent := func(at string, l store.LinkRecord) store.DeliveryRecord {
		return store.DeliveryRecord{Step: pipeline.Invite, Round: 1, State: pipeline.Sent, Link: l,
			Attempts: []store.AttemptRecord{{At: moment(t, at), Outcome: pipeline.OutcomeSent, Reply: "250 Ok"}}}
	}
	x := explanation{
		user:       u,
		deliveries: []store.DeliveryRecord{sent("2026-03-01T16:00:00Z", store.LinkRecord{IssuedAt: moment(t, "2026-03-01T16:00:00Z")})},
		visits: []store.VisitRecord{
			{Step: pipeline.Invite, Round: 1, Kind: pipeline.Scanned, N: 10, FirstAt: moment(t, "2026-03-01T16:00:05Z"), LastAt: moment(t, "2026-03-01T16:00:09Z")},
			{Step: pipeline.Invite, Round: 1, Kind: pipeline.Scanned, N: 4, FirstAt: moment(t, "2026-03-01T17:00:00Z"), LastAt: moment(t, "2026-03-01T17:10:00Z")},
			{Step: pipeline.Invite, Round: 1, Kind: pipeline.Opened, N: 1, FirstAt: moment(t, "2026-03-01T18:00:00Z"), LastAt: moment(t, "2026-03-01T18:00:00Z")},
			{Step: pipeline.Invite, Round: 1, Kind: pipeline.Opened, N: 1, FirstAt: moment(t, "2026-03-02T18:00:00Z"), LastAt: moment(t, "2026-03-02T18:00:00Z")},
			{Step: pipeline.Invite, Round: 1, Kind: pipeline.Turned, N: 1, FirstAt: moment(t, "2026-03-01T18:00:20Z"), LastAt: moment(t, "2026-03-01T18:00:20Z")},
			{Step: pipeline.Invite, Round: 1, Kind: pipeline.Minted, N: 1, FirstAt: moment(t, "2026-03-02T18:00:30Z"), LastAt: moment(t, "2026-03-02T18:00:30Z")},
			{Step: pipeline.Reminder, Round: 1, Kind: pipeline.Reused, N: 1, FirstAt: moment(t, "2026-03-02T19:00:30Z"), LastAt: moment(t, "2026-03-02T19:00:30Z")},
		},
		sessions: []store.SessionRecord{
			{AskedBy: store.ByClick, AskedAt: moment(t, "2026-03-01T18:00:20Z"), State: store.SessionFailed},
			{AskedBy: store.ByClick, AskedAt: moment(t, "2026-03-01T18:01:20Z"), State: store.SessionFailed, Doubtful: true},
			{AskedBy: store.ByClick, AskedAt: moment(t, "2026-03-02T18:00:30Z"), State: store.SessionOpen, ExpiresAt: moment(t, "2026-03-03T18:00:30Z")},
			{AskedBy: store.ByApp, AskedAt: moment(t, "2026-03-03T18:00:30Z"), State: store.SessionMinting},
		},
		news: []store.NewsRecord{
			{Event: "CREATED_KYC", Effect: pipeline.Applied, N: 1, FirstAt: moment(t, "2026-03-02T18:10:00Z"), LastAt: moment(t, "2026-03-02T18:10:00Z")},
			{Event: "CREATED_KYC", Effect: pipeline.KnownAlready, N: 3, FirstAt: moment(t, "2026-03-02T18:11:00Z"), LastAt: moment(t, "2026-03-02T18:26:00Z")},
			{Event: store.EventAsked, Effect: pipeline.Applied, N: 1, FirstAt: moment(t, "2026-03-02T20:00:00Z"), LastAt: moment(t, "2026-03-02T20:00:00Z")},
			{Event: "KYC_FROZEN", Effect: pipeline.UnknownEvent, N: 1, FirstAt: moment(t, "2026-03-02T21:00:00Z"), LastAt: moment(t, "2026-03-02T21:00:00Z")},
		},
	}
	want := strings.Join([]string{
		"2026-03-01 09:00  came in",
		"2026-03-01 10:00  the invite was sent; lasting link; the server said: 250 Ok",
		"2026-03-01 10:00  the link of the invite: opened 2 times, first at 2026-03-01 12:00, last at 2026-03-02 12:00; once no verification could be opened; fetched 14 times by scanners",
		"2026-03-01 12:00  no verification could be opened after a click",
		"2026-03-01 12:01  a verification may have been opened after a click, and nobody got its link",
		"2026-03-02 12:00  a verification was opened after a click, until Tue 2026-03-03 12:00 their time (18:00 UTC)",
		"2026-03-02 12:10  the partner said CREATED_KYC",
		"2026-03-02 12:11  the partner said CREATED_KYC, 3 times until 2026-03-02 12:26, which changed nothing",
		"2026-03-02 14:00  the partner API was asked, and said where the user stands",
		"2026-03-02 15:00  the partner said KYC_FROZEN, and it waits for an operator: unknown event",
		"2026-03-03 12:00  a verification is being opened for an app, without a click",
	}, "\n")
	if diff := cmp.Diff(want, strings.Join(x.story(), "\n")); diff != "" {
		t.Errorf("story (-want +got):\n%s", diff)
	}
}
