package capa_test

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"testing"

	"alta/internal/capa"
	"alta/internal/sandbox"
	"alta/pipeline"
)

func TestRegisterWebhook(t *testing.T) {
	const address = "https://kyc.acme.example/hooks/capa"
	for _, test := range []struct {
		sentence string
		answer   *sandbox.APIAnswer // nil is the right answer
		code     string             // "" registers
	}{
		{"The address is registered.", nil, ""},
		{"A success need not say anything.", &sandbox.APIAnswer{Status: 204}, ""},
		{"A success that says that it is none.", &sandbox.APIAnswer{Body: `{"success":false,"message":"hostile"}`}, "capa.not_registered"},
		{"A wrong key.", new(sandbox.KeyInvalid()), "capa.key_refused"},
		{"A 401 with another text.", &sandbox.APIAnswer{Status: 401, Body: "hostile " + canaryKey}, "capa.unauthorized"},
		{"A forbidden flow.", new(sandbox.PartnerFlow()), "capa.partner_flow"},
		{"An address that the API does not like.", new(sandbox.InvalidInput()), "capa.not_registered"},
		{"An API without such a call.", &sandbox.APIAnswer{Status: 404, Body: "hostile"}, "capa.not_registered"},
		{"A failure.", &sandbox.APIAnswer{Status: 500}, "capa.not_registered"},
		{"A pause.", new(sandbox.Throttled("5")), "capa.throttled"},
		{"A redirect is not followed.", new(sandbox.Redirected("https://hostile.example/")), "capa.redirected"},
		{"A cut connection.", &sandbox.APIAnswer{Action: sandbox.CutOff}, "capa.cut"},
	} {
		t.Run(test.sentence, func(t *testing.T) {
			api := startAPI(t, sandbox.APIOptions{})
			if test.answer != nil {
				api.SetFaults(sandbox.APIFault{Webhook: true, Answer: *test.answer})
			}
			err := newClient(t, api.URL()+"/", nil, fixedClock).RegisterWebhook(t.Context(), address)
			if test.code != "" {
				if fault := checkFault(t, err); fault.Kind != pipeline.Outage || fault.Code != test.code || fault.Free || fault.Doubtful {
					t.Errorf("%+v, want an outage with code %s", fault, test.code)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if test.answer == nil && api.Webhook() != address {
				t.Errorf("webhooks go to %q", api.Webhook())
			}
		})
	}
	t.Run("The API may stand below a path.", func(t *testing.T) {
		var asked string
		server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { asked = r.Method + " " + r.URL.EscapedPath() }))
		defer server.Close()
		err := newClient(t, server.URL+"/a%2Fb/", nil, fixedClock).RegisterWebhook(t.Context(), address)
		if err != nil || asked != "PUT /a%2Fb/api/partner/v2/webhook-settings" {
			t.Errorf("asked %s, %v", asked, err)
		}
	})
	t.Run("The caller may give up.", func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if err := newClient(t, startAPI(t, sandbox.APIOptions{}).URL(), nil, fixedClock).RegisterWebhook(ctx, address); !errors.Is(err, context.Canceled) {
			t.Errorf("got %v", err)
		}
	})
	t.Run("Nothing is asked for an address that is none.", func(t *testing.T) {
		api := startAPI(t, sandbox.APIOptions{})
		if err := newClient(t, api.URL(), nil, fixedClock).RegisterWebhook(t.Context(), "http://kyc.acme.example/hooks/capa"); err == nil || api.Webhook() != "" {
			t.Errorf("%v, webhooks go to %q", err, api.Webhook())
		}
	})
}

func TestCheckWebhookURL(t *testing.T) {
	for address, good := range map[string]bool{
		"https://kyc.acme.example/hooks/capa":      true,
		"https://kyc.acme.example:8443/x?y=z":      true,
		"http://127.0.0.1:8090/hooks/capa":         true,
		"http://localhost/hooks/capa":              true,
		"http://kyc.acme.example/hooks/capa":       false,
		"kyc.acme.example/hooks/capa":              false,
		"":                                         false,
		"ftp://kyc.acme.example/":                  false,
		"https://me:hunter2@kyc.acme.example/":     false,
		"https:///hooks/capa":                      false,
		"https://kyc.acme.example:0/":              false,
		"https://kyc.acme.example/#x":              false,
		"https://kyc.acme.example/a b":             false,
		"https://kyc.acme.example\\@evil.example/": false,
	} {
		if err := capa.CheckWebhookURL(address); (err == nil) != good {
			t.Errorf("%s: %v", address, err)
		}
	}
}
