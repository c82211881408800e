package capa_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"alta/internal/sandbox"
	"alta/pipeline"
)

// Each row is one answer of the partner API for one user, on its own.
func TestEveryAnswerHasItsFault(t *testing.T) {
	failure := func(status int, code, message string) sandbox.APIAnswer {
		return sandbox.APIAnswer{Status: status, Code: code, Message: message}
	}
	tests := []struct {
		sentence string
		answer   sandbox.APIAnswer
		want     pipeline.Fault // Reason and Err are judged apart
		says     string         // a part of the reason
	}{
		{"A missing key stops the run.", sandbox.KeyMissing(),
			pipeline.Fault{Kind: pipeline.Outage, Code: "capa.key_refused"}, "api key is missing"},
		{"A malformed key stops the run.", sandbox.KeyFormat(),
			pipeline.Fault{Kind: pipeline.Outage, Code: "capa.key_refused"}, "invalid api key format"},
		{"A wrong key stops the run.", sandbox.KeyInvalid(),
			pipeline.Fault{Kind: pipeline.Outage, Code: "capa.key_refused"}, "alta doctor"},
		{"Case, quotes and a final stop make no difference.", failure(401, "UNAUTHORIZED", "“invalid API  key”."),
			pipeline.Fault{Kind: pipeline.Outage, Code: "capa.key_refused"}, "invalid api key"},
		{"A key without a partner stops the run.", sandbox.PartnerRequired(),
			pipeline.Fault{Kind: pipeline.Outage, Code: "capa.partner_info"}, "which partner"},
		{"A user of another partner fails alone.", sandbox.NotAssociated(),
			pipeline.Fault{Kind: pipeline.Fail, Code: "capa.not_associated"}, "not associated"},
		{"A 401 that nobody documented puts the user off for free.", failure(401, "UNAUTHORIZED", "Session expired"),
			pipeline.Fault{Kind: pipeline.Retry, Code: "capa.unauthorized", Free: true, FreeOnce: true}, "401 (UNAUTHORIZED),"},
		{"A documented text under another documented code is not the documented error.", failure(401, "NOT_FOUND_ERROR", "Invalid API Key"),
			pipeline.Fault{Kind: pipeline.Retry, Code: "capa.unauthorized", Free: true, FreeOnce: true}, "NOT_FOUND_ERROR: invalid api key"},
		{"A documented text under a code that nobody documented is the documented error.", failure(401, "UnauthorizedException", "Invalid API Key"),
			pipeline.Fault{Kind: pipeline.Outage, Code: "capa.key_refused"}, "invalid api key"},
		{"So is one under a reason phrase.", sandbox.APIAnswer{Status: 400, Body: `{"error":"BadRequest","message":"Invalid User Input"}`},
			pipeline.Fault{Kind: pipeline.Fail, Code: "capa.invalid_input"}, "invalid input"},
		{"An error may stand in a list.", sandbox.APIAnswer{Status: 400, Body: `{"errors":[{"code":"INVALID_USER_INPUT_ERROR","message":"Invalid User Input"}]}`},
			pipeline.Fault{Kind: pipeline.Fail, Code: "capa.invalid_input"}, "invalid input"},
		{"A documented text under another status is not the documented error.", failure(409, "UNAUTHORIZED", "Invalid API Key"),
			pipeline.Fault{Kind: pipeline.Hold, Code: "capa.refused"}, "409"},
		{"A 401 that is no JSON is one that nobody documented.", sandbox.APIAnswer{Status: 401, Body: "<html>hostile Invalid API Key</html>"},
			pipeline.Fault{Kind: pipeline.Retry, Code: "capa.unauthorized", Free: true, FreeOnce: true}, "401,"},
		{"An answer that repeats the key is not repeated.", failure(401, "UNAUTHORIZED", "no partner has "+canaryKey),
			pipeline.Fault{Kind: pipeline.Retry, Code: "capa.unauthorized", Free: true, FreeOnce: true}, "401 (UNAUTHORIZED),"},
		{"An answer that repeats a link is not repeated.", failure(401, "UNAUTHORIZED", "go to https://hostile.example/?_al=x now"),
			pipeline.Fault{Kind: pipeline.Retry, Code: "capa.unauthorized", Free: true, FreeOnce: true}, "401 (UNAUTHORIZED),"},
		{"An answer with personal data is not repeated.", failure(500, "INTERNAL_SERVER_ERROR", "Failed for hostile Perez, token abc"),
			pipeline.Fault{Kind: pipeline.Retry, Code: "capa.server_error", Doubtful: true}, "500 (INTERNAL_SERVER_ERROR);"},
		{"A partner that is set up wrongly stops the run.", sandbox.PartnerFlow(),
			pipeline.Fault{Kind: pipeline.Outage, Code: "capa.partner_flow"}, "403"},
		{"Any other 403 stops the run too.", sandbox.APIAnswer{Status: 403, Body: "blocked"},
			pipeline.Fault{Kind: pipeline.Outage, Code: "capa.partner_flow"}, "403"},
		{"Invalid input fails the user.", sandbox.InvalidInput(),
			pipeline.Fault{Kind: pipeline.Fail, Code: "capa.invalid_input"}, "invalid input"},
		{"The wrong type fails the user and names the right one.", sandbox.WrongType(pipeline.Business),
			pipeline.Fault{Kind: pipeline.Fail, Code: "capa.wrong_type"}, "type BUSINESS"},
		{"A country without a template is held, and only that country.", sandbox.NoTemplate(pipeline.MX),
			pipeline.Fault{Kind: pipeline.Hold, Code: "capa.no_template", Country: pipeline.MX}, "MX"},
		{"Any other 400 holds the user.", failure(400, "SOMETHING_NEW", "Something new"),
			pipeline.Fault{Kind: pipeline.Hold, Code: "capa.refused"}, "400 (SOMETHING_NEW),"},
		{"An unknown user is tried once more after a quarter of an hour.", sandbox.NotFound(),
			pipeline.Fault{Kind: pipeline.Retry, Code: "capa.not_found", After: 15 * time.Minute, Once: true}, "15 minutes"},
		{"A bare 404 is an unknown user too.", sandbox.APIAnswer{Status: 404},
			pipeline.Fault{Kind: pipeline.Retry, Code: "capa.wrong_address", After: 15 * time.Minute, Once: true}, "without saying"},
		{"A failure of the provider is tried again.", sandbox.ServerError(),
			pipeline.Fault{Kind: pipeline.Retry, Code: "capa.server_error"}, "500"},
		{"A 408 is tried again.", sandbox.APIAnswer{Status: 408}, pipeline.Fault{Kind: pipeline.Retry, Code: "capa.server_error"}, "408"},
		{"A 502 is tried again; what stands behind the gateway may have opened a session.", sandbox.APIAnswer{Status: 502, Body: "<html>"}, pipeline.Fault{Kind: pipeline.Retry, Code: "capa.server_error", Doubtful: true}, "502"},
		{"A 503 is tried again.", sandbox.APIAnswer{Status: 503}, pipeline.Fault{Kind: pipeline.Retry, Code: "capa.server_error"}, "503"},
		{"So may it with a 504.", sandbox.APIAnswer{Status: 504}, pipeline.Fault{Kind: pipeline.Retry, Code: "capa.server_error", Doubtful: true}, "504"},
		{"A short pause puts the user off for free.", sandbox.Throttled("30"),
			pipeline.Fault{Kind: pipeline.Retry, Code: "capa.throttled", Free: true, After: 30 * time.Second}, "30s"},
		{"A long pause stops the run until it is over.", sandbox.Throttled("31"),
			pipeline.Fault{Kind: pipeline.Outage, Code: "capa.throttled", After: 31 * time.Second}, "31s"},
		{"A pause may be a date.", sandbox.Throttled(noon.Add(20 * time.Second).Format(http.TimeFormat)),
			pipeline.Fault{Kind: pipeline.Retry, Code: "capa.throttled", Free: true, After: 20 * time.Second}, "20s"},
		{"Without Retry-After the pause is a minute.", sandbox.Throttled(""),
			pipeline.Fault{Kind: pipeline.Outage, Code: "capa.throttled", After: time.Minute}, "1m0s"},
		{"No pause is longer than an hour.", sandbox.Throttled("86400"),
			pipeline.Fault{Kind: pipeline.Outage, Code: "capa.throttled", After: time.Hour}, "1h0m0s"},
		{"A connection that ends before the answer is a doubtful mint.", sandbox.APIAnswer{Action: sandbox.CutOff},
			pipeline.Fault{Kind: pipeline.Retry, Code: "capa.cut", Doubtful: true}, "may have opened a session"},
		{"A connection that ends within the answer is a doubtful mint.", sandbox.APIAnswer{Action: sandbox.CutBody},
			pipeline.Fault{Kind: pipeline.Retry, Code: "capa.cut", Doubtful: true}, "may have opened a session"},
		{"A 500 whose body is cut is tried again, and does not say that no session was opened.", sandbox.APIAnswer{Status: 500, Action: sandbox.CutBody, Code: "X", Message: "Y"},
			pipeline.Fault{Kind: pipeline.Retry, Code: "capa.server_error", Doubtful: true}, "500"},
		{"A 403 needs no body to stop the run.", sandbox.APIAnswer{Status: 403, Action: sandbox.CutBody, Code: "X", Message: "Y"},
			pipeline.Fault{Kind: pipeline.Outage, Code: "capa.partner_flow"}, "403"},
		{"A 400 whose body is cut is tried again.", sandbox.APIAnswer{Status: 400, Action: sandbox.CutBody, Code: "X", Message: "Y"},
			pipeline.Fault{Kind: pipeline.Retry, Code: "capa.cut"}, "answered 400 and ended"},
		{"A 401 whose body is cut is tried again.", sandbox.APIAnswer{Status: 401, Action: sandbox.CutBody, Code: "X", Message: "Y"},
			pipeline.Fault{Kind: pipeline.Retry, Code: "capa.cut"}, "answered 401 and ended"},
		{"A 404 whose body is cut is tried again, more than once.", sandbox.APIAnswer{Status: 404, Action: sandbox.CutBody, Code: "X", Message: "Y"},
			pipeline.Fault{Kind: pipeline.Retry, Code: "capa.cut"}, "answered 404 and ended"},
		{"A sentence in the place of a link.", sandbox.APIAnswer{Link: "not ready yet"},
			pipeline.Fault{Kind: pipeline.Retry, Code: "capa.no_link", Doubtful: true}, "not a URL"},
		{"A link with a port that can't be read stops the run.", sandbox.APIAnswer{Link: "https://hostile.example:abc/s"},
			pipeline.Fault{Kind: pipeline.Outage, Code: "capa.bad_link", Doubtful: true}, "can't be read"},
		{"A success that says it is none brings no link.", sandbox.APIAnswer{Status: 201, Body: `{"success":false,"data":{"kycLink":"https://hostile.example/"}}`},
			pipeline.Fault{Kind: pipeline.Retry, Code: "capa.no_link", Doubtful: true}, "did not succeed"},
		{"A success without a link.", sandbox.APIAnswer{Status: 201, Body: `{"success":true,"data":{}}`},
			pipeline.Fault{Kind: pipeline.Retry, Code: "capa.no_link", Doubtful: true}, "no kycLink"},
		{"A success with the other kind of link.", sandbox.APIAnswer{Status: 201, Body: `{"kybLink":"https://hostile.example/"}`},
			pipeline.Fault{Kind: pipeline.Retry, Code: "capa.no_link", Doubtful: true}, "no kycLink"},
		{"A success with a text that is no URL.", sandbox.APIAnswer{Link: "hostile"},
			pipeline.Fault{Kind: pipeline.Retry, Code: "capa.no_link", Doubtful: true}, "not a URL"},
		{"A success with an empty link.", sandbox.APIAnswer{Status: 201, Body: `{"kycLink":""}`},
			pipeline.Fault{Kind: pipeline.Retry, Code: "capa.no_link", Doubtful: true}, "empty"},
		{"A success that is no JSON.", sandbox.APIAnswer{Status: 200, Body: "hostile"},
			pipeline.Fault{Kind: pipeline.Retry, Code: "capa.no_link", Doubtful: true}, "not a JSON object"},
		{"A success without a body.", sandbox.APIAnswer{Status: 204},
			pipeline.Fault{Kind: pipeline.Retry, Code: "capa.no_link", Doubtful: true}, "not a JSON object"},
		{"A success of more than 64 KiB is no answer.", sandbox.APIAnswer{Status: 201, Body: `{"kycLink":"https://kyc.sandbox.example/s"}` + strings.Repeat(" ", 64<<10)},
			pipeline.Fault{Kind: pipeline.Retry, Code: "capa.no_link", Doubtful: true}, "64 KiB"},
		{"A link that must not be mailed stops the run.", sandbox.APIAnswer{Link: "http://hostile.example/"},
			pipeline.Fault{Kind: pipeline.Outage, Code: "capa.bad_link", Doubtful: true}, "not https"},
		{"A redirect stops the run.", sandbox.Redirected("/elsewhere"),
			pipeline.Fault{Kind: pipeline.Outage, Code: "capa.redirected"}, "307"},
		{"Any other 4xx holds the user.", failure(422, "CAN_NOT_PROCESS", "What is this"),
			pipeline.Fault{Kind: pipeline.Hold, Code: "capa.refused"}, "422 (CAN_NOT_PROCESS),"},
	}
	shapes := []sandbox.ErrorShape{sandbox.FlatError, sandbox.NestedError, sandbox.FailError, sandbox.ListError}
	for _, shape := range shapes {
		api := startAPI(t, sandbox.APIOptions{Errors: shape})
		for _, test := range tests {
			t.Run(fmt.Sprintf("%s shape %d", test.sentence, shape), func(t *testing.T) {
				api.SetFaults(sandbox.APIFault{Answer: test.answer})
				got := *issueFault(t, newClient(t, api.URL(), nil, fixedClock), user("u1"))
				if !strings.Contains(got.Reason, test.says) {
					t.Errorf("reason %q does not say %q", got.Reason, test.says)
				}
				got.Reason, got.Err = "", nil
				if diff := cmp.Diff(test.want, got); diff != "" {
					t.Errorf("fault (-want +got):\n%s", diff)
				}
			})
		}
	}
}

// A streak is tried here once from end to end; TestStreaks knows every rule.
func TestFailuresOfManyUsersAreAnOutage(t *testing.T) {
	tests := []struct {
		sentence string
		answer   sandbox.APIAnswer
		users    int // the outage comes with this one
		code     string
	}{
		{"Three users of another partner.", sandbox.NotAssociated(), 3, "capa.not_associated"},
		{"Two users with an unknown 401.", sandbox.APIAnswer{Status: 401}, 2, "capa.unauthorized"},
		{"Three users with invalid input.", sandbox.InvalidInput(), 3, "capa.invalid_input"},
		{"Five users with a server error.", sandbox.ServerError(), 5, "capa.server_error"},
		{"Five users with a cut connection.", sandbox.APIAnswer{Action: sandbox.CutOff}, 5, "capa.cut"},
		{"Three users with a 4xx that nobody documented.", sandbox.APIAnswer{Status: 422, Code: "X", Message: "Y"}, 3, "capa.refused"},
		{"Three users with a 400 that nobody documented.", sandbox.APIAnswer{Status: 400}, 3, "capa.refused"},
		{"Five users with an error that was cut.", sandbox.APIAnswer{Status: 400, Action: sandbox.CutBody, Code: "X", Message: "Y"}, 5, "capa.cut"},
		{"Three users without a link.", sandbox.APIAnswer{Status: 201, Body: "{}"}, 3, "capa.no_link"},
		{"Five users with a 404 that is not the documented one.", sandbox.APIAnswer{Status: 404, Body: "Cannot POST"}, 5, "capa.wrong_address"},
	}
	for _, test := range tests {
		t.Run(test.sentence, func(t *testing.T) {
			api := startAPI(t, sandbox.APIOptions{})
			client := newClient(t, api.URL(), nil, fixedClock)
			api.SetFaults(sandbox.APIFault{Answer: test.answer})
			for n := 1; n < test.users; n++ {
				if fault := issueFault(t, client, user(fmt.Sprint("u", n))); fault.Kind == pipeline.Outage {
					t.Fatalf("user %d was an outage: %v", n, fault)
				}
			}
			fault := issueFault(t, client, user("last"))
			if fault.Kind != pipeline.Outage || fault.Code != test.code || fault.Once || fault.Free {
				t.Errorf("user %d: %+v, want an outage with code %s", test.users, fault, test.code)
			}
			if again := issueFault(t, client, user("last")); again.Kind == pipeline.Outage {
				t.Errorf("a probe with the same user proves nothing new, but was an outage again: %v", again)
			}
			if next := issueFault(t, client, user("next")); next.Kind != pipeline.Outage {
				t.Errorf("a probe with another user: %v, want an outage", next)
			}
			api.SetFaults()
			if _, err := client.Issue(t.Context(), user("good")); err != nil {
				t.Fatal(err)
			}
			api.SetFaults(sandbox.APIFault{Answer: test.answer})
			if fault := issueFault(t, client, user("later")); fault.Kind == pipeline.Outage {
				t.Errorf("a success did not end the streak: %v", fault)
			}
		})
	}
	t.Run("Five pauses in a row, each waited out in vain.", func(t *testing.T) {
		clock := noon
		api := startAPI(t, sandbox.APIOptions{})
		client := newClient(t, api.URL(), nil, func() time.Time { return clock })
		refusals := func(n int) (fault *pipeline.Fault) {
			api.SetFaults(sandbox.APIFault{Answer: sandbox.Throttled("1")})
			for range n {
				fault = issueFault(t, client, user("u1"))
				clock = clock.Add(time.Second)
			}
			return fault
		}
		if fault := refusals(4); fault.Kind != pipeline.Retry {
			t.Errorf("four: %+v", fault)
		}
		api.SetFaults(sandbox.APIFault{Answer: sandbox.NotFound()})
		issueFault(t, client, user("u1")) // a call that gets through, whatever is said to it
		if fault := refusals(4); fault.Kind != pipeline.Retry {
			t.Errorf("four after a call that got through: %+v", fault)
		}
		if fault := refusals(1); fault.Kind != pipeline.Outage || fault.Code != "capa.throttled" || fault.After != time.Second {
			t.Errorf("the fifth: %+v", fault)
		}
	})
	t.Run("Documented 404s of five users are theirs.", func(t *testing.T) {
		api := startAPI(t, sandbox.APIOptions{})
		client := newClient(t, api.URL(), nil, fixedClock)
		api.SetFaults(sandbox.APIFault{Answer: sandbox.NotFound()})
		for n := range 6 {
			if fault := issueFault(t, client, user(fmt.Sprint("u", n))); fault.Kind != pipeline.Retry {
				t.Errorf("user %d: %v", n, fault)
			}
		}
	})
	t.Run("A second unknown 401 for the same user costs an attempt.", func(t *testing.T) {
		api := startAPI(t, sandbox.APIOptions{})
		client := newClient(t, api.URL(), nil, fixedClock)
		api.SetFaults(sandbox.APIFault{Answer: sandbox.APIAnswer{Status: 401}})
		first, second := issueFault(t, client, user("u1")), issueFault(t, client, user("u1"))
		if !first.Free || second.Free || second.Kind != pipeline.Retry {
			t.Errorf("first %+v, second %+v", first, second)
		}
	})
}
