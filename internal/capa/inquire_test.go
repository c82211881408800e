package capa_test

import (
	"bytes"
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"alta/internal/capa"
	"alta/internal/sandbox"
	"alta/pipeline"
)

// Each row is one answer to the question where a user stands.
func TestInquireReadsOneField(t *testing.T) {
	result := func(v string) *sandbox.APIAnswer {
		return &sandbox.APIAnswer{Body: `{"success":true,"data":{"taxId":"hostile","aipriseSummary":{"verificationResult":` + v + `,"aml":["VERIFIED"]}}}`}
	}
	for _, test := range []struct {
		sentence string
		answer   *sandbox.APIAnswer // nil is the sandbox's own, which says VERIFIED
		want     pipeline.Status
	}{
		{"Who is verified is.", nil, pipeline.Verified},
		{"So it is beside fields that nobody reads.", result(`"VERIFIED"`), pipeline.Verified},
		{"Another word says nothing, since none is documented.", result(`"REJECTED"`), ""},
		{"Nor does one that has the word in it.", result(`"NOT_VERIFIED"`), ""},
		{"Nor does another case.", result(`"verified"`), ""},
		{"Nor does null.", result(`null`), ""},
		{"Nor does a field of another type.", result(`{"VERIFIED":true}`), ""},
		{"Details without a summary say nothing.", &sandbox.APIAnswer{Body: `{"data":{"aipriseSummary":null}}`}, ""},
		{"The word elsewhere says nothing.", &sandbox.APIAnswer{Body: `{"verificationResult":"VERIFIED","data":{"verificationResult":"VERIFIED"}}`}, ""},
		{"A list says nothing.", &sandbox.APIAnswer{Body: `["VERIFIED"]`}, ""},
		{"A user whom the API does not know has no details.", new(sandbox.NotFound()), ""},
		{"Nor has one of whom it says so in other words.", &sandbox.APIAnswer{Status: 404, Body: `{"statusCode":404,"message":"Details of hostile not found"}`}, ""},
		{"Details may be long.", &sandbox.APIAnswer{Body: `{"data":{"photo":"` + strings.Repeat("x", 900<<10) + `","aipriseSummary":{"verificationResult":"VERIFIED"}}}`}, pipeline.Verified},
	} {
		t.Run(test.sentence, func(t *testing.T) {
			api := startAPI(t, sandbox.APIOptions{})
			api.SetVerification("u 1&x=y", "VERIFIED") // an id is one value of the query, whatever it holds
			if test.answer != nil {
				api.SetFaults(sandbox.APIFault{Details: true, Answer: *test.answer})
			}
			got, err := newClient(t, api.URL(), nil, fixedClock).Inquire(t.Context(), user("u 1&x=y"))
			if got != test.want || err != nil {
				t.Errorf("%q, %v, want %q", got, err, test.want)
			}
			if api.Calls() != 0 {
				t.Error("a session was opened")
			}
		})
	}
}

// The sandbox answers every faulty question in the same way; a probe of a user
// who can't be asked about makes no call.
func TestInquireHasFaults(t *testing.T) {
	for _, test := range []struct {
		sentence string
		answer   sandbox.APIAnswer
		want     pipeline.Fault
		says     string
	}{
		{"A wrong key stops the run.", sandbox.KeyInvalid(),
			pipeline.Fault{Kind: pipeline.Outage, Code: "capa.key_refused"}, "invalid api key"},
		{"A partner that is set up wrongly stops the run.", sandbox.PartnerFlow(),
			pipeline.Fault{Kind: pipeline.Outage, Code: "capa.partner_flow"}, "403"},
		{"A user of another partner fails alone.", sandbox.NotAssociated(),
			pipeline.Fault{Kind: pipeline.Fail, Code: "capa.not_associated"}, "not associated"},
		{"Any other 4xx holds the user.", sandbox.APIAnswer{Status: 422, Code: "NEW", Message: "hostile"},
			pipeline.Fault{Kind: pipeline.Hold, Code: "capa.refused"}, "422 (NEW)"},
		{"A failure is tried again, and opened no session.", sandbox.APIAnswer{Status: 502},
			pipeline.Fault{Kind: pipeline.Retry, Code: "capa.server_error"}, "502"},
		{"A short pause puts the user off for free.", sandbox.Throttled("30"),
			pipeline.Fault{Kind: pipeline.Retry, Code: "capa.throttled", Free: true, After: 30 * time.Second}, "30s"},
		{"A redirect stops the run.", sandbox.Redirected("https://hostile.example/"),
			pipeline.Fault{Kind: pipeline.Outage, Code: "capa.redirected"}, "307"},
		{"A cut connection is tried again, and opened no session.", sandbox.APIAnswer{Action: sandbox.CutOff},
			pipeline.Fault{Kind: pipeline.Retry, Code: "capa.cut"}, "without an answer; it is tried again"},
		{"So is a cut answer.", sandbox.APIAnswer{Action: sandbox.CutBody, Body: `{"data":{}}`},
			pipeline.Fault{Kind: pipeline.Retry, Code: "capa.cut"}, "without an answer; it is tried again"},
		{"A page of some server is no answer.", sandbox.APIAnswer{Body: "<html>hostile"},
			pipeline.Fault{Kind: pipeline.Retry, Code: "capa.no_status"}, "not JSON"},
		{"Nor is a success without a body.", sandbox.APIAnswer{Status: 204},
			pipeline.Fault{Kind: pipeline.Retry, Code: "capa.no_status"}, "not JSON"},
		{"More than 1 MiB is no answer.", sandbox.APIAnswer{Body: `{"data":{"aipriseSummary":{"verificationResult":"VERIFIED"}}}` + strings.Repeat(" ", 1<<20)},
			pipeline.Fault{Kind: pipeline.Retry, Code: "capa.no_status"}, "1 MiB"},
		{"A 404 of some web server fails nobody.", sandbox.APIAnswer{Status: 404, Body: "<html>hostile"},
			pipeline.Fault{Kind: pipeline.Retry, Code: "capa.wrong_address", After: 15 * time.Minute}, "capa.base_url"},
	} {
		t.Run(test.sentence, func(t *testing.T) {
			api := startAPI(t, sandbox.APIOptions{})
			api.SetFaults(sandbox.APIFault{Details: true, Answer: test.answer})
			status, err := newClient(t, api.URL(), nil, fixedClock).Inquire(t.Context(), user("u1"))
			got := *checkFault(t, err)
			if status != "" || !strings.HasPrefix(got.Reason, "capa.check_status: ") || !strings.Contains(got.Reason, test.says) {
				t.Errorf("%q, reason %q does not say %q", status, got.Reason, test.says)
			}
			got.Reason, got.Err = "", nil
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Errorf("fault (-want +got):\n%s", diff)
			}
		})
	}
	t.Run("No answer in time is tried again, and opened no session.", func(t *testing.T) {
		api := startAPI(t, sandbox.APIOptions{})
		api.SetFaults(sandbox.APIFault{Details: true, Answer: sandbox.APIAnswer{Action: sandbox.Hang}})
		_, err := newClient(t, api.URL(), func(cfg *capa.Config) { cfg.Timeout = 300 * time.Millisecond }, fixedClock).Inquire(t.Context(), user("u1"))
		if fault := checkFault(t, err); fault.Code != "capa.timeout" || fault.Doubtful || strings.Contains(fault.Reason, "session") {
			t.Errorf("%+v", fault)
		}
	})
	t.Run("Whoever gives up before the call gets no fault.", func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		_, err := newClient(t, startAPI(t, sandbox.APIOptions{}).URL(), nil, fixedClock).Inquire(ctx, user("u1"))
		checkGaveUp(t, err)
	})
}

// Those for whom there is no call get an answer without one.
func TestInquireMakesNoCallInVain(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { t.Error("a call was made") }))
	defer server.Close()
	client := newClient(t, server.URL, nil, fixedClock)
	business := pipeline.User{ID: "b1", Country: pipeline.MX, Type: pipeline.Business}
	if status, err := client.Inquire(t.Context(), business); status != "" || err != nil {
		t.Errorf("a business: %q, %v", status, err)
	}
	for _, id := range []string{"", "."} {
		_, err := client.Inquire(t.Context(), user(id))
		if fault := checkFault(t, err); fault.Code != "capa.bad_id" || fault.Kind != pipeline.Fail {
			t.Errorf("id %q: %+v", id, fault)
		}
	}
}

// Answers of one kind say nothing of the other: good news of users must not hide
// that no link can be minted, and a good link not that nobody can be asked about.
func TestQuestionsAndMintsHaveStreaksOfTheirOwn(t *testing.T) {
	for _, test := range []struct {
		sentence string
		bad      sandbox.APIFault
		outage   func(context.Context, *capa.Client, pipeline.User) error
		good     func(context.Context, *capa.Client, pipeline.User) error
	}{
		{"Mints fail.", sandbox.APIFault{Answer: sandbox.ServerError()}, mintFor, inquireFor},
		{"Questions fail.", sandbox.APIFault{Details: true, Answer: sandbox.ServerError()}, inquireFor, mintFor},
		{"Mints are throttled in vain.", sandbox.APIFault{Answer: sandbox.Throttled("1")}, mintFor, inquireFor},
		{"Questions are throttled in vain.", sandbox.APIFault{Details: true, Answer: sandbox.Throttled("1")}, inquireFor, mintFor},
	} {
		t.Run(test.sentence, func(t *testing.T) {
			clock := noon
			api := startAPI(t, sandbox.APIOptions{})
			api.SetFaults(test.bad)
			client := newClient(t, api.URL(), nil, func() time.Time { return clock })
			for n := 1; n <= 5; n++ {
				u := user(fmt.Sprint("u", n))
				if err := test.good(t.Context(), client, u); err != nil {
					t.Fatal(err)
				}
				fault := checkFault(t, test.outage(t.Context(), client, u))
				if want := n == 5; (fault.Kind == pipeline.Outage) != want {
					t.Errorf("user %d: %+v, want an outage: %v", n, fault, want)
				}
				clock = clock.Add(time.Second)
			}
		})
	}
}

func mintFor(ctx context.Context, c *capa.Client, u pipeline.User) error {
	_, err := c.Issue(ctx, u)
	return err
}

func inquireFor(ctx context.Context, c *capa.Client, u pipeline.User) error {
	_, err := c.Inquire(ctx, u)
	return err
}

// A pause that the API asks for holds for every call, whatever it was said to.
func TestAPauseIsForEveryKindOfCall(t *testing.T) {
	api := startAPI(t, sandbox.APIOptions{})
	api.SetFaults(sandbox.APIFault{Details: true, Answer: sandbox.Throttled("120")})
	client := newClient(t, api.URL(), nil, fixedClock)
	if fault := checkFault(t, inquireFor(t.Context(), client, user("u1"))); fault.Kind != pipeline.Outage {
		t.Errorf("%+v", fault)
	}
	if fault := issueFault(t, client, user("u2")); fault.Code != "capa.throttled" || api.Calls() != 0 {
		t.Errorf("%+v after %d calls", fault, api.Calls())
	}
}

func FuzzInquire(f *testing.F) {
	for _, body := range []string{`{"data":{"aipriseSummary":{"verificationResult":"VERIFIED"}}}`, `{}`, `null`, `[]`, "", `{"data":{"aipriseSummary":{"verificationResult":"VERIFIED"}}`, `{"DATA":{"aipriseSummary":7}}`} {
		f.Add([]byte(body))
	}
	var body []byte
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write(body) }))
	f.Cleanup(server.Close)
	f.Fuzz(func(t *testing.T, answer []byte) {
		body = answer
		status, err := newClient(t, server.URL, nil, fixedClock).Inquire(t.Context(), user("u1"))
		switch {
		case status != "" && status != pipeline.Verified, status != "" && err != nil:
			t.Fatalf("%q, %v", status, err)
		case status == pipeline.Verified && !bytes.Contains(answer, []byte("V")) && !bytes.Contains(answer, []byte(`\u`)):
			t.Fatalf("%q is taken for verified", answer)
		case err != nil:
			if fault := checkFault(t, err); fault.Doubtful || fault.Kind != pipeline.Retry {
				t.Fatalf("%+v", fault)
			}
		}
	})
}
