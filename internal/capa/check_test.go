package capa_test

import (
	"context"
	"errors"
	"testing"

	"alta/internal/sandbox"
	"alta/pipeline"
)

func TestCheckTriesTheKeyAndOpensNoSession(t *testing.T) {
	tests := []struct {
		sentence string
		answer   *sandbox.APIAnswer // nil is the right answer
		code     string             // "" accepts
	}{
		{"The status of a user is an answer.", nil, ""},
		{"An unknown user is an answer.", new(sandbox.NotFound()), ""},
		{"Invalid input is an answer.", new(sandbox.InvalidInput()), ""},
		{"A user who is not ours is an answer, though it comes as a 401.", new(sandbox.NotAssociated()), ""},
		{"A page of some web server is no answer.", &sandbox.APIAnswer{Body: "<html>welcome</html>"}, "capa.unclear"},
		{"Nor is its 404.", &sandbox.APIAnswer{Status: 404, Body: "<html>not found</html>"}, "capa.unclear"},
		{"A wrong key.", new(sandbox.KeyInvalid()), "capa.key_refused"},
		{"A 401 with another text.", &sandbox.APIAnswer{Status: 401, Body: "hostile " + canaryKey}, "capa.unauthorized"},
		{"A forbidden flow.", new(sandbox.PartnerFlow()), "capa.partner_flow"},
		{"A pause.", new(sandbox.Throttled("5")), "capa.throttled"},
		{"A server error proves nothing.", new(sandbox.ServerError()), "capa.server_error"},
		{"A cut connection.", &sandbox.APIAnswer{Action: sandbox.CutOff}, "capa.cut"},
	}
	for _, test := range tests {
		t.Run(test.sentence, func(t *testing.T) {
			api := startAPI(t, sandbox.APIOptions{})
			if test.answer != nil {
				api.SetFaults(sandbox.APIFault{Details: true, Answer: *test.answer})
			}
			client := newClient(t, api.URL(), nil, fixedClock)
			for range 6 { // never a streak
				err := client.Check(t.Context())
				if test.code == "" {
					if err != nil {
						t.Fatal(err)
					}
					continue
				}
				kind := pipeline.Outage
				if test.code == "capa.unclear" {
					kind = pipeline.Hold
				}
				if fault := checkFault(t, err); fault.Kind != kind || fault.Code != test.code || fault.Free || fault.Doubtful {
					t.Fatalf("got %+v, want an outage with code %s", fault, test.code)
				}
			}
			if api.Calls() != 0 {
				t.Error("a mint was called")
			}
		})
	}
	t.Run("The caller may give up.", func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if err := newClient(t, startAPI(t, sandbox.APIOptions{}).URL(), nil, fixedClock).Check(ctx); !errors.Is(err, context.Canceled) {
			t.Errorf("got %v", err)
		}
	})
}
