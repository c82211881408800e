package web

import (
	"encoding/base64"
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"alta/pipeline"
)

// busyStory is a user to whom everything has happened.
func busyStory() UserStory {
	now := pageNow()
	at := func(hours int) time.Time { return now.Add(-time.Duration(hours) * time.Hour) }
	tijuana := time.FixedZone("PST", -8*60*60)
	return UserStory{
		UserRow: UserRow{
			ID: "8f14e45f-ceea-467f-a0e6-0d1f4b1a9b1e", ExternalID: "cliente-40117", Name: "María Fernández Robles", Email: "maria.fernandez@correo.example",
			Country: pipeline.MX, Locale: pipeline.ESMX, Type: pipeline.Individual, Status: pipeline.Pending, Mails: 2, LastMail: at(30), OpenedAt: at(70), AddedAt: at(100),
		},
		TimeZone: "America/Tijuana", LocalTime: now.In(tijuana), ResendStep: pipeline.Reissue,
		Next: Prospect{Kind: NextLater, Step: pipeline.Reminder, Round: 2, At: now.Add(18 * time.Hour)},
		Moments: []Moment{
			{Kind: MomentAdded, At: at(100)},
			{Kind: MomentAttempt, At: at(99), Step: pipeline.Invite, Round: 1, Outcome: pipeline.OutcomeRetry, Code: "smtp.4.2.2", Reason: "the mailbox is full (it said: 452 4.2.2 over quota)", Reply: "452 4.2.2 over quota"},
			{Kind: MomentLink, At: at(98)},
			{Kind: MomentAttempt, At: at(98), Step: pipeline.Invite, Round: 1, Outcome: pipeline.OutcomeSent, Reply: "250 2.0.0 Ok: queued as 4XyZ9"},
			{Kind: MomentVisits, At: at(97), LastAt: at(97).Add(20 * time.Minute), N: 14, Visit: pipeline.Scanned, Step: pipeline.Invite, Round: 1},
			{Kind: MomentVisits, At: at(70), LastAt: at(70), N: 1, Visit: pipeline.Opened, Step: pipeline.Invite, Round: 1},
			{Kind: MomentSession, At: at(70), Until: at(46), Session: "open", AskedBy: "click"},
			{Kind: MomentSession, At: at(60), Session: "failed", AskedBy: "app"},
			{Kind: MomentNews, At: at(50), LastAt: at(49), N: 3, Event: "KYC_STARTED" + hostile, Effect: pipeline.KnownAlready},
			{Kind: MomentNews, At: at(45), LastAt: at(45), N: 1, Event: "kyc_details", Effect: pipeline.Applied},
			{Kind: MomentAct, At: at(40), Actor: "token:olga", Action: "resend", Detail: "reissue: asked by phone " + hostile},
			{Kind: MomentCancelled, At: at(40), Step: pipeline.Reminder, Round: 1, State: pipeline.Cancelled, Code: "replaced", Reason: "an operator sent again by hand"},
			{Kind: MomentLink, At: at(30), Until: at(6)},
			{Kind: MomentAttempt, At: at(30), Step: pipeline.Reissue, Round: 1, Outcome: pipeline.OutcomeSent, Reply: "250 " + hostile},
			{Kind: MomentUpdated, At: at(3)},
			{Kind: MomentDue, At: now.Add(18 * time.Hour), Step: pipeline.Reminder, Round: 2, State: pipeline.Due},
		},
	}
}

func TestUserLooks(t *testing.T) {
	pause := &pipeline.Pause{Country: pipeline.MX, Type: pipeline.Individual, Reason: hostile, Since: pageNow().Add(-time.Hour), ProbeAt: pageNow().Add(time.Hour)}
	for name, change := range map[string]func(*UserStory){
		"user": func(*UserStory) {},
		"user-held": func(s *UserStory) {
			s.Next = Prospect{Kind: NextHeldByHand, Step: pipeline.Reminder, Round: 1, Code: "operator_hold", Reason: "an operator holds it: " + hostile}
		},
		"user-paused": func(s *UserStory) {
			s.Next = Prospect{Kind: NextNow, Step: pipeline.Invite, Round: 1, Pause: pause}
			s.Name, s.Withdrawn, s.AddressBad, s.Cut, s.LinkExpiresAt = hostile, true, true, true, pageNow().Add(-time.Hour)
		},
		"user-erased": func(s *UserStory) {
			s.Next = Prospect{Kind: NoneStatus, Status: pipeline.Erased}
			s.Status, s.Name, s.Email, s.ExternalID = pipeline.Erased, "", "", ""
		},
	} {
		for _, l := range Languages() {
			for _, operates := range []bool{true, false} {
				f := &fakePeople{story: busyStory()}
				change(&f.story)
				pages, mux := peopleMux(t, f, operates)
				response, text := browse(t, mux, "GET", "/users/"+f.story.ID, l, "")
				if response.StatusCode != http.StatusOK {
					t.Errorf("status %d", response.StatusCode)
				}
				checkHostile(t, text)
				checkActs(t, text, operates && name != "user-erased")
				if operates {
					goldenPage(t, pages, name+"-"+string(l)+".html", text)
				}
			}
		}
	}
}

// Whatever comes next has words of its own in each language.
func TestEveryProspectHasWords(t *testing.T) {
	for _, l := range Languages() {
		k := operatorPages(t, true).looks[l]
		seen := map[string]ProspectKind{}
		for kind := range englishUser().Outlooks {
			got := k.tellNext(Prospect{Kind: ProspectKind(kind), Step: pipeline.Reminder, Round: 2, Status: pipeline.Verified, Mails: 6})
			if got.Title == "" || got.Text == "" || strings.Contains(got.Title, "%!") {
				t.Errorf("%s, %s: %+v", l, kind, got)
			}
			if other, ok := seen[got.Title]; ok {
				t.Errorf("%s: %s and %s are told alike: %s", l, kind, other, got.Title)
			}
			seen[got.Title] = ProspectKind(kind)
		}
		for _, kind := range []ProspectKind{
			NextNow, NextLater, NextHours, NextPlan, NextCancel, NextUnderway, NextInterrupted, NextHeldByHand, NextHeld, NextDoubt,
			NoneStatus, NoneWithdrawn, NoneAddress, NoneFailed, NonePlanChanged, NoneMost, NoneOver,
		} {
			if _, ok := k.words.User.Outlooks[string(kind)]; !ok {
				t.Errorf("%s: no words for %s", l, kind)
			}
		}
	}
}

func TestActsOnAUser(t *testing.T) {
	id := busyStory().ID
	const why = "reason=asked+by+phone"
	for _, tt := range []struct {
		sentence, act, form string
		why                 WhyNot
		status              int
		did, says           string
	}{
		{"a resend", "resend", why, WhyNot{}, 303, "resend false", "goes out within seconds"},
		{"a resend within the gap", "resend", why + "&force=1", WhyNot{}, 303, "resend true", "goes out within seconds"},
		{"a resend that is refused says how long it takes", "resend", why, WhyNot{Code: NotInGap, Ago: 3 * time.Hour, Left: 17 * time.Hour}, 303, "resend false", "3 h ago"},
		{"one that the status refuses says which", "resend", why, WhyNot{Code: NotByStatus, Status: pipeline.Verified}, 303, "resend false", "“Verified”"},
		{"one that is refused for another reason says it", "resend", why, WhyNot{Code: NotOther, Text: "the moon"}, 303, "resend false", "the moon"},
		{"a hold", "hold", why, WhyNot{}, 303, "hold", "The mail is held"},
		{"a hold of nothing", "hold", why, WhyNot{Code: NotDue}, 303, "hold", "nothing to hold"},
		{"a release", "release", why, WhyNot{}, 303, "release", "is released"},
		{"a mark", "mark", why + "&status=verified", WhyNot{}, 303, "mark verified", "The status is now: Verified"},
		{"a mark without a status", "mark", why, WhyNot{}, 400, "", ""},
		{"a mark as erased", "mark", why + "&status=erased", WhyNot{}, 400, "", ""},
		{"an opt-out", "optout", why, WhyNot{}, 303, "mark opted_out", "opted out"},
		{"an erasure", "erase", why + "&typed=" + id, WhyNot{}, 303, "erase", "removed"},
		{"an erasure without the id", "erase", why, WhyNot{}, 400, "", ""},
		{"an erasure with another id", "erase", why + "&typed=" + id[1:], WhyNot{}, 400, "", ""},
		{"an act without a reason", "resend", "reason=+", WhyNot{}, 400, "", ""},
		{"an act whose reason is two lines", "hold", "reason=a%0Ab", WhyNot{}, 400, "", ""},
		{"an act whose reason is too long", "hold", "reason=" + strings.Repeat("a", 501), WhyNot{}, 400, "", ""},
	} {
		t.Run(tt.sentence, func(t *testing.T) {
			f := &fakePeople{story: busyStory(), why: tt.why}
			_, mux := peopleMux(t, f, true)
			response, text := browse(t, mux, "POST", "/users/"+id+"/"+tt.act, English, tt.form)
			did := ""
			if tt.did != "" {
				did = tt.did + " " + id + " token:ana asked by phone"
			}
			if response.StatusCode != tt.status || f.did != did {
				t.Errorf("status %d, did %q, want %d and %q: %s", response.StatusCode, f.did, tt.status, did, text)
			}
			if tt.status != 303 {
				return
			}
			if got := response.Header.Get("Location"); got != "/users/"+id {
				t.Errorf("it leads to %s", got)
			}
			flash := flashOf(t, response)
			if !strings.Contains(flash.Text, tt.says) || (flash.Tone == ToneFailed) != tt.why.Refused() {
				t.Errorf("it says %+v", flash)
			}
		})
	}
	t.Run("nobody is acted on whom nobody knows", func(t *testing.T) {
		f := &fakePeople{story: busyStory()}
		_, mux := peopleMux(t, f, true)
		for _, act := range []string{"resend", "hold", "release", "optout"} {
			if response, _ := browse(t, mux, "POST", "/users/nobody/"+act, English, why); response.StatusCode != http.StatusNotFound {
				t.Errorf("%s is answered %d", act, response.StatusCode)
			}
		}
		if response, _ := browse(t, mux, "GET", "/users/"+url.PathEscape(`../"><b>`), English, ""); response.StatusCode != http.StatusNotFound {
			t.Errorf("status %d", response.StatusCode)
		}
	})
}

// flashOf is the message that waits for the next page.
func flashOf(t *testing.T, response *http.Response) (f Flash) {
	t.Helper()
	for _, c := range response.Cookies() {
		if c.Name == flashCookie {
			data, err := base64.RawURLEncoding.DecodeString(c.Value)
			if err == nil {
				err = json.Unmarshal(data, &f)
			}
			if err != nil {
				t.Fatal(err)
			}
		}
	}
	return f
}
