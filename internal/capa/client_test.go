package capa_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"

	"alta/internal/capa"
	"alta/internal/sandbox"
	"alta/pipeline"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const canaryKey = "canary-Key_7f3a9"

var noon = time.Date(2026, 3, 2, 12, 0, 0, 0, time.UTC)

func fixedClock() time.Time { return noon }

func user(id string) pipeline.User {
	return pipeline.User{ID: id, Country: pipeline.MX, Type: pipeline.Individual}
}

func startAPI(t *testing.T, opts sandbox.APIOptions) *sandbox.API {
	t.Helper()
	opts.Key, opts.Now, opts.AnyUser = canaryKey, fixedClock, true
	api, err := sandbox.StartAPI(opts)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := api.Close(); err != nil {
			t.Error(err)
		}
	})
	return api
}

func newClient(t testing.TB, baseURL string, change func(*capa.Config), clock pipeline.Clock) *capa.Client {
	t.Helper()
	cfg := capa.Config{
		BaseURL: baseURL, APIKey: pipeline.NewSecret(canaryKey),
		RedirectURI: "https://partner.example/done", Timeout: 10 * time.Second, Connections: 4,
	}
	if change != nil {
		change(&cfg)
	}
	client, err := capa.New(cfg, clock)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(client.Close)
	return client
}

// issueFault issues, expects a fault, and makes sure that nothing one can do
// with it shows a secret.
func issueFault(t *testing.T, c *capa.Client, u pipeline.User) *pipeline.Fault {
	t.Helper()
	link, err := c.Issue(t.Context(), u)
	if !link.IsZero() {
		t.Error("a failed Issue returned a link")
	}
	return checkFault(t, err)
}

func checkFault(t *testing.T, err error) *pipeline.Fault {
	t.Helper()
	fault, ok := errors.AsType[*pipeline.Fault](err)
	if !ok {
		t.Fatalf("got error %v, want a fault", err)
	}
	var log bytes.Buffer
	slog.New(slog.NewJSONHandler(&log, nil)).Error("issue", "err", err, "fault", *fault)
	shown := fmt.Sprintf("%v %+v %#v %s %q", err, *fault, *fault, fault.Reason, fault.Error()) + log.String()
	if text, err := json.Marshal(fault); err == nil {
		shown += string(text)
	}
	for _, secret := range []string{canaryKey, strings.ToLower(canaryKey), "_al=", "://", "hostile"} {
		if strings.Contains(shown, secret) {
			t.Errorf("%q shows in: %s", secret, shown)
		}
	}
	if len(fault.Reason) > 400 || strings.ContainsAny(fault.Reason, "\n\r\t") {
		t.Errorf("the reason is no short sentence: %q", fault.Reason)
	}
	return fault
}

func TestIssueMintsWhatTheUserIs(t *testing.T) {
	overrides := func(cfg *capa.Config) {
		cfg.RedirectURIs = map[pipeline.Country]string{pipeline.DO: "myapp://kyc/done"}
		cfg.LinkHosts = []string{"KYC.sandbox.example"}
	}
	tests := []struct {
		sentence string
		user     pipeline.User
		redirect string
	}{
		{"A person in Mexico.", pipeline.User{ID: "p1", Country: pipeline.MX, Type: pipeline.Individual}, "https://partner.example/done"},
		{"A person in the Dominican Republic lands in the app.", pipeline.User{ID: "p2", Country: pipeline.DO, Type: pipeline.Individual}, "myapp://kyc/done"},
		{"A business has its own call.", pipeline.User{ID: "b1", Country: pipeline.MX, Type: pipeline.Business}, "https://partner.example/done"},
		{"An id is one segment of the path, whatever it holds.", pipeline.User{ID: "../x/%2e?a=b#c ñ", Country: pipeline.MX, Type: pipeline.Individual}, "https://partner.example/done"},
	}
	for _, shape := range []sandbox.AnswerShape{sandbox.NestedAnswer, sandbox.FlatAnswer} {
		api := startAPI(t, sandbox.APIOptions{Answers: shape})
		client := newClient(t, api.URL(), overrides, fixedClock)
		for i, test := range tests {
			t.Run(fmt.Sprintf("%s shape %d", test.sentence, shape), func(t *testing.T) {
				link, err := client.Issue(t.Context(), test.user)
				if err != nil {
					t.Fatal(err)
				}
				mints := api.Mints()
				if len(mints) != i+1 {
					t.Fatalf("%d links minted, want %d", len(mints), i+1)
				}
				want := sandbox.Mint{User: test.user.ID, Type: test.user.Type, Country: test.user.Country, RedirectURI: test.redirect, At: noon, Link: link}
				if got := mints[i]; !cmp.Equal(got, want) || !strings.HasSuffix(link.Reveal(), "==&r=a%2Fb") {
					t.Errorf("minted %+v, want %+v with the link byte for byte", got, want)
				}
			})
		}
	}
}

func TestIssueRefusesUsersWhoCannotBeAskedFor(t *testing.T) {
	api := startAPI(t, sandbox.APIOptions{})
	client := newClient(t, api.URL(), nil, fixedClock)
	for _, u := range []pipeline.User{user(""), user("."), user(".."), {ID: "u1", Country: "US"}, {ID: "u1"}} {
		if fault := issueFault(t, client, u); fault.Kind != pipeline.Fail {
			t.Errorf("user %q of %q: %v, want fail", u.ID, u.Country, fault.Kind)
		}
	}
	if n := api.Calls(); n != 0 {
		t.Errorf("%d calls were made", n)
	}
}

func TestAPauseStopsAllMinting(t *testing.T) {
	var now atomic.Pointer[time.Time]
	set := func(at time.Time) { now.Store(&at) }
	set(noon)
	api := startAPI(t, sandbox.APIOptions{})
	client := newClient(t, api.URL(), nil, func() time.Time { return *now.Load() })

	api.SetFaults(sandbox.APIFault{Call: 1, Answer: sandbox.Throttled("120")})
	issueFault(t, client, user("u1"))
	set(noon.Add(20 * time.Second))
	fault := issueFault(t, client, user("u2"))
	if fault.Kind != pipeline.Outage || fault.After != 100*time.Second || api.Calls() != 1 {
		t.Errorf("during a long pause: %+v after %d calls, want an outage for 100 s and one call", fault, api.Calls())
	}
	set(noon.Add(100 * time.Second))
	ctx, cancel := context.WithCancel(t.Context())
	time.AfterFunc(20*time.Millisecond, cancel)
	_, err := client.Issue(ctx, user("u3"))
	checkGaveUp(t, err)
	if api.Calls() != 1 {
		t.Errorf("%d calls, want one", api.Calls())
	}
	set(noon.Add(120 * time.Second))
	if _, err := client.Issue(t.Context(), user("u4")); err != nil {
		t.Errorf("after the pause: %v", err)
	}
}

func TestTheRateIsKept(t *testing.T) {
	api := startAPI(t, sandbox.APIOptions{})
	client := newClient(t, api.URL(), func(cfg *capa.Config) { cfg.Rate = 0.001 }, fixedClock)
	if _, err := client.Issue(t.Context(), user("u1")); err != nil {
		t.Fatal(err)
	}
	// The next turn comes in a quarter of an hour; giving up does not wait for it.
	ctx, cancel := context.WithCancel(t.Context())
	time.AfterFunc(20*time.Millisecond, cancel)
	_, err := client.Issue(ctx, user("u2"))
	checkGaveUp(t, err)
	if api.Calls() != 1 {
		t.Errorf("%d calls, want one", api.Calls())
	}
}
