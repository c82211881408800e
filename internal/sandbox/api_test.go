package sandbox_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"alta/internal/sandbox"
	"alta/pipeline"
)

var apiNoon = time.Date(2026, 3, 2, 12, 0, 0, 0, time.UTC)

// apiClient is a plain HTTP client of one API, independent of internal/capa.
type apiClient struct {
	t    *testing.T
	api  *sandbox.API
	key  string
	http *http.Client
}

func startAPI(t *testing.T, opts sandbox.APIOptions) apiClient {
	t.Helper()
	opts.Now = func() time.Time { return apiNoon }
	before := goleak.IgnoreCurrent()
	api, err := sandbox.StartAPI(opts)
	if err != nil {
		t.Fatal(err)
	}
	transport := &http.Transport{}
	t.Cleanup(func() {
		if err := api.Close(); err != nil {
			t.Error(err)
		}
		transport.CloseIdleConnections()
		goleak.VerifyNone(t, before)
	})
	return apiClient{t: t, api: api, key: api.Key(), http: &http.Client{
		Transport:     transport,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}
}

// do returns the status and the body, or the error of either.
func (c apiClient) do(method, path, body string) (int, string, http.Header, error) {
	c.t.Helper()
	req, err := http.NewRequestWithContext(c.t.Context(), method, c.api.URL()+path, strings.NewReader(body))
	if err != nil {
		c.t.Fatal(err)
	}
	if c.key != "" {
		req.Header.Set("partner-api-key", c.key)
	}
	req.Header.Set("Content-Type", "application/json")
	resp, err := c.http.Do(req)
	if err != nil {
		return 0, "", nil, err
	}
	defer func() { _ = resp.Body.Close() }()
	text, err := io.ReadAll(resp.Body)
	return resp.StatusCode, string(text), resp.Header, err
}

func (c apiClient) mint(user, kind, country string) (int, string) {
	c.t.Helper()
	status, body, _, err := c.do("POST", "/api/partner/v2/users/"+url.PathEscape(user)+"/"+kind+"/verification-link",
		`{"country":"`+country+`","partnerRedirectUri":"myapp://done"}`)
	if err != nil {
		c.t.Fatal(err)
	}
	return status, body
}

func TestAPIMints(t *testing.T) {
	users := []sandbox.APIUser{
		{ID: "person"}, {ID: "firm", Type: pipeline.Business}, {ID: "theirs", Foreign: true},
	}
	tests := []struct {
		sentence            string
		key                 string // "" is the right one, "-" none
		user, kind, country string
		status              int
		body                string // a part of it
	}{
		{"A person gets a KYC link.", "", "person", "kyc", "MX", 201, `{"success":true,"data":{"kycLink":"https://kyc.sandbox.example/session?_al=`},
		{"A business gets a KYB link.", "", "firm", "kyb", "DO", 201, `{"success":true,"data":{"kybLink":"https://kyc.sandbox.example/session?_al=`},
		{"Without a key.", "-", "person", "kyc", "MX", 401, `{"code":"UNAUTHORIZED","message":"API Key is missing"}`},
		{"With a key that is none.", "a b", "person", "kyc", "MX", 401, `"Invalid API Key format"`},
		{"With a wrong key.", "other", "person", "kyc", "MX", 401, `"Invalid API Key"`},
		{"A user of another partner.", "", "theirs", "kyc", "MX", 401, `"User is not associated with the partner"`},
		{"A country that is not served.", "", "person", "kyc", "US", 400, `{"code":"INVALID_USER_INPUT_ERROR","message":"Invalid User Input"}`},
		{"A business asks for KYC.", "", "firm", "kyc", "MX", 400, `"BUSINESS users can only request KYB verification"`},
		{"A person asks for KYB.", "", "person", "kyb", "MX", 400, `"INDIVIDUAL users can only request KYC verification"`},
		{"Nobody.", "", "nobody", "kyc", "MX", 404, `{"code":"NOT_FOUND_ERROR","message":"Requested User was not found"}`},
	}
	for _, test := range tests {
		t.Run(test.sentence, func(t *testing.T) {
			c := startAPI(t, sandbox.APIOptions{Users: users})
			switch test.key {
			case "":
			case "-":
				c.key = ""
			default:
				c.key = test.key
			}
			status, body := c.mint(test.user, test.kind, test.country)
			body = strings.ReplaceAll(body, `\u0026`, "&")
			if status != test.status || !strings.Contains(body, test.body) {
				t.Errorf("got %d %s, want %d with %s", status, body, test.status, test.body)
			}
			mints := c.api.Mints()
			if minted := len(mints) == 1; minted != (test.status == 201) || c.api.Calls() != 1 {
				t.Fatalf("%d mints in %d calls", len(mints), c.api.Calls())
			}
			if test.status != 201 {
				return
			}
			m := mints[0]
			if m.User != test.user || string(m.Country) != test.country || m.RedirectURI != "myapp://done" || !m.At.Equal(apiNoon) ||
				!strings.Contains(body, m.Link.Reveal()) || !strings.HasSuffix(m.Link.Reveal(), "==&r=a%2Fb") {
				t.Errorf("recorded %+v for %s", m, body)
			}
		})
	}
	t.Run("A body that is no JSON, and a redirect to http, are invalid input.", func(t *testing.T) {
		c := startAPI(t, sandbox.APIOptions{AnyUser: true})
		for _, body := range []string{"", "{", `{"country":"MX","partnerRedirectUri":"http://x"}`, `{"country":"MX","partnerRedirectUri":"x"}`} {
			if status, answer, _, err := c.do("POST", "/api/partner/v2/users/u/kyc/verification-link", body); status != 400 || err != nil {
				t.Errorf("%q: %d %s %v", body, status, answer, err)
			}
		}
	})
	t.Run("Any id, added users and the flat shape.", func(t *testing.T) {
		c := startAPI(t, sandbox.APIOptions{AnyUser: true, Answers: sandbox.FlatAnswer, LinkURL: "https://other.example/x"})
		c.api.AddUsers(sandbox.APIUser{ID: "late", Foreign: true})
		if status, body := c.mint("a/b ñ", "kyb", "MX"); status != 201 || !strings.HasPrefix(body, `{"kybLink":"https://other.example/x?_al=`) {
			t.Errorf("%d %s", status, body)
		}
		if user := c.api.Mints()[0].User; user != "a/b ñ" {
			t.Errorf("minted for %q", user)
		}
		if status, _ := c.mint("late", "kyc", "MX"); status != 401 {
			t.Errorf("%d", status)
		}
	})
}

func TestAPIKnowsWhoIsVerified(t *testing.T) {
	c := startAPI(t, sandbox.APIOptions{Users: []sandbox.APIUser{{ID: "u1"}, {ID: "theirs", Foreign: true}}})
	result := func() string {
		t.Helper()
		status, body, _, err := c.do("GET", "/api/partner/v2/kyc/details?userId=u1", "")
		if status != 200 || err != nil {
			t.Fatalf("%d %s %v", status, body, err)
		}
		var details struct {
			Data struct {
				AipriseSummary struct {
					VerificationResult string `json:"verificationResult"`
				} `json:"aipriseSummary"`
			} `json:"data"`
		}
		if err := json.Unmarshal([]byte(body), &details); err != nil {
			t.Fatal(err)
		}
		return details.Data.AipriseSummary.VerificationResult
	}
	if got := result(); got == "VERIFIED" {
		t.Error("verified from the start")
	}
	c.api.SetVerification("u1", "VERIFIED")
	if got := result(); got != "VERIFIED" {
		t.Errorf("got %q", got)
	}
	for path, want := range map[string]int{"?userId=nobody": 404, "": 400, "?userId=theirs": 401} {
		if status, body, _, _ := c.do("GET", "/api/partner/v2/kyc/details"+path, ""); status != want {
			t.Errorf("%q: %d %s, want %d", path, status, body, want)
		}
	}
	c.key = "other"
	if status, _, _, _ := c.do("GET", "/api/partner/v2/kyc/details?userId=u1", ""); status != 401 {
		t.Errorf("a wrong key: %d", status)
	}
	if c.api.Calls() != 0 {
		t.Error("a question for details counted as a mint")
	}
}

func TestAPIFaultsMeetWhomTheyShould(t *testing.T) {
	busy := sandbox.APIAnswer{Status: 503}
	tests := []struct {
		sentence string
		faults   []sandbox.APIFault
		want     string // statuses of u1 MX, u2 DO, u1 MX, u2 DO
	}{
		{"None.", nil, "[201 201 201 201]"},
		{"Every call.", []sandbox.APIFault{{Answer: busy}}, "[503 503 503 503]"},
		{"One user.", []sandbox.APIFault{{User: "u1", Answer: busy}}, "[503 201 503 201]"},
		{"One country.", []sandbox.APIFault{{Country: pipeline.DO, Answer: busy}}, "[201 503 201 503]"},
		{"The third call.", []sandbox.APIFault{{Call: 3, Answer: busy}}, "[201 201 503 201]"},
		{"So many times.", []sandbox.APIFault{{Times: 2, Answer: busy}}, "[503 503 201 201]"},
		{"Once for a user.", []sandbox.APIFault{{User: "u2", Times: 1, Answer: busy}}, "[201 503 201 201]"},
		{"The first that matches.", []sandbox.APIFault{{User: "u1", Answer: busy}, {Answer: sandbox.NotFound()}}, "[503 404 503 404]"},
		{"Not the mints.", []sandbox.APIFault{{Details: true, Answer: busy}}, "[201 201 201 201]"},
		{"Late, but right.", []sandbox.APIFault{{Answer: sandbox.APIAnswer{Action: sandbox.Late, Delay: time.Millisecond}}}, "[201 201 201 201]"},
	}
	for _, test := range tests {
		t.Run(test.sentence, func(t *testing.T) {
			c := startAPI(t, sandbox.APIOptions{AnyUser: true, Latency: time.Millisecond})
			c.api.SetFaults(test.faults...)
			var got []int
			for range 2 {
				for user, country := range []string{"MX", "DO"} {
					status, _ := c.mint(fmt.Sprint("u", user+1), "kyc", country)
					got = append(got, status)
				}
			}
			if fmt.Sprint(got) != test.want {
				t.Errorf("got %v, want %s", got, test.want)
			}
		})
	}
}

func TestAPIFaultsAnswerAsTold(t *testing.T) {
	const path, body = "/api/partner/v2/users/u1/kyc/verification-link", `{"country":"MX"}`
	t.Run("Every shape of error has the code and the text.", func(t *testing.T) {
		shapes := map[sandbox.ErrorShape]string{
			sandbox.FlatError:   `{"code":"INVALID_PARTNER_FLOW","message":"The partner has an invalid flow."}`,
			sandbox.NestedError: `{"error":{"code":"INVALID_PARTNER_FLOW","message":"The partner has an invalid flow."}}`,
			sandbox.FailError:   `{"error":"INVALID_PARTNER_FLOW","message":"The partner has an invalid flow.","success":false}`,
			sandbox.ListError:   `{"error":"Forbidden","errorCode":"INVALID_PARTNER_FLOW","message":["The partner has an invalid flow."],"statusCode":403}`,
		}
		for shape, want := range shapes {
			c := startAPI(t, sandbox.APIOptions{Errors: shape})
			c.api.SetFaults(sandbox.APIFault{Answer: sandbox.PartnerFlow()})
			if status, got, _, err := c.do("POST", path, body); status != 403 || got != want || err != nil {
				t.Errorf("shape %d: %d %s %v", shape, status, got, err)
			}
		}
	})
	t.Run("Headers, raw bodies and bad links.", func(t *testing.T) {
		c := startAPI(t, sandbox.APIOptions{})
		c.api.SetFaults(
			sandbox.APIFault{Call: 1, Answer: sandbox.Throttled("7")},
			sandbox.APIFault{Call: 2, Answer: sandbox.Redirected("https://elsewhere.example/")},
			sandbox.APIFault{Call: 3, Answer: sandbox.APIAnswer{Status: 502, Body: "<html>"}},
			sandbox.APIFault{Call: 4, Answer: sandbox.APIAnswer{Link: "http://evil.example/"}},
		)
		if status, _, header, _ := c.do("POST", path, body); status != 429 || header.Get("Retry-After") != "7" {
			t.Errorf("%d %v", status, header)
		}
		if status, _, header, _ := c.do("POST", path, body); status != 307 || header.Get("Location") != "https://elsewhere.example/" {
			t.Errorf("%d %v", status, header)
		}
		if status, got, _, _ := c.do("POST", path, body); status != 502 || got != "<html>" {
			t.Errorf("%d %s", status, got)
		}
		if status, got, _, _ := c.do("POST", path, body); status != 201 || !strings.Contains(got, `"http://evil.example/"`) {
			t.Errorf("%d %s", status, got)
		}
	})
	t.Run("A cut comes after the request was read.", func(t *testing.T) {
		c := startAPI(t, sandbox.APIOptions{})
		c.api.SetFaults(sandbox.APIFault{Answer: sandbox.APIAnswer{Action: sandbox.CutOff}})
		if _, _, _, err := c.do("POST", path, body); !errors.Is(err, io.EOF) {
			t.Errorf("got %v", err)
		}
		if c.api.Calls() != 1 || len(c.api.Mints()) != 0 {
			t.Errorf("%d calls, %d mints", c.api.Calls(), len(c.api.Mints()))
		}
	})
	t.Run("A session may open all the same.", func(t *testing.T) {
		c := startAPI(t, sandbox.APIOptions{})
		c.api.SetFaults(
			sandbox.APIFault{Call: 1, Answer: sandbox.APIAnswer{Action: sandbox.CutOff, Opens: true}},
			sandbox.APIFault{Call: 2, Answer: sandbox.APIAnswer{Status: 504, Opens: true}},
		)
		if _, _, _, err := c.do("POST", path, body); !errors.Is(err, io.EOF) {
			t.Errorf("got %v", err)
		}
		if status, got, _, err := c.do("POST", path, body); status != 504 || got != "" || err != nil {
			t.Errorf("%d %q %v", status, got, err)
		}
		if n := len(c.api.Mints()); n != 2 {
			t.Errorf("%d mints, want 2", n)
		}
	})
	t.Run("A cut within the body leaves a link that nobody got.", func(t *testing.T) {
		c := startAPI(t, sandbox.APIOptions{})
		c.api.SetFaults(sandbox.APIFault{Answer: sandbox.APIAnswer{Action: sandbox.CutBody}})
		status, got, _, err := c.do("POST", path, body)
		if status != 201 || !errors.Is(err, io.ErrUnexpectedEOF) || got == "" || len(c.api.Mints()) != 1 {
			t.Errorf("%d %s %v, %d mints", status, got, err, len(c.api.Mints()))
		}
	})
}

func TestAPICloseEndsHungRequests(t *testing.T) {
	c := startAPI(t, sandbox.APIOptions{})
	c.api.SetFaults(
		sandbox.APIFault{User: "hung", Answer: sandbox.APIAnswer{Action: sandbox.Hang}},
		sandbox.APIFault{User: "slow", Answer: sandbox.APIAnswer{Delay: time.Hour}},
	)
	var clients sync.WaitGroup
	for _, user := range []string{"hung", "slow"} {
		clients.Go(func() {
			if _, _, _, err := c.do("POST", "/api/partner/v2/users/"+user+"/kyc/verification-link", `{"country":"MX"}`); err == nil {
				t.Errorf("the %s call was answered", user)
			}
		})
	}
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for c.api.Calls() < 2 {
		<-tick.C
	}
	for range 2 { // closing twice is fine
		if err := c.api.Close(); err != nil {
			t.Error(err)
		}
	}
	clients.Wait()
	if conn, err := net.Dial("tcp", strings.TrimPrefix(c.api.URL(), "http://")); err == nil {
		_ = conn.Close()
		t.Error("it still listens")
	}
}

func TestAPILinksAreUniqueUnderLoad(t *testing.T) {
	c := startAPI(t, sandbox.APIOptions{AnyUser: true})
	var clients sync.WaitGroup
	for n := range 8 {
		clients.Go(func() {
			for range 10 {
				c.api.SetFaults(sandbox.APIFault{User: "nobody", Answer: sandbox.NotFound()})
				if status, body := c.mint(fmt.Sprint("u", n), "kyc", "MX"); status != 201 {
					t.Errorf("%d %s", status, body)
				}
			}
		})
	}
	clients.Wait()
	seen := map[string]bool{}
	for _, m := range c.api.Mints() {
		seen[m.Link.Reveal()] = true
	}
	if len(seen) != 80 {
		t.Errorf("%d different links in 80 mints", len(seen))
	}
}

func TestAPIOptions(t *testing.T) {
	if _, err := sandbox.StartAPI(sandbox.APIOptions{}); err == nil {
		t.Error("started without a clock")
	}
	c := startAPI(t, sandbox.APIOptions{Key: "mine"})
	if c.api.Key() != "mine" {
		t.Errorf("key %q", c.api.Key())
	}
	if _, err := sandbox.StartAPI(sandbox.APIOptions{Now: time.Now, Addr: strings.TrimPrefix(c.api.URL(), "http://")}); err == nil {
		t.Error("started on an address that is taken")
	}
}
