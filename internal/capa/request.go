package capa

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"

	"alta/pipeline"
)

// errBaseURL repeats nothing of the URL, which may hold a password.
var errBaseURL = errors.New("capa.base_url: expected a URL")

// requests makes the requests of a client. What is the same in all of them is
// made once and shared, which net/http allows for all but the body. The requests
// carry the API key, so functions hold them, which show nothing when printed.
type requests struct {
	base *url.URL                    // without a final slash
	mint func() *http.Request        // to be copied
	look func() *http.Request        // to be copied
	wish map[pipeline.Country][]byte // the body of a mint
}

func newRequests(cfg Config) (requests, error) {
	base, err := url.Parse(cfg.BaseURL)
	if err != nil {
		return requests{}, errBaseURL
	}
	r := requests{base: base, wish: map[pipeline.Country][]byte{}}
	for _, country := range []pipeline.Country{pipeline.MX, pipeline.DO} {
		if r.wish[country], err = json.Marshal(struct {
			Country     pipeline.Country `json:"country"`
			RedirectURI string           `json:"partnerRedirectUri,omitempty"`
		}{country, cfg.redirectFor(country)}); err != nil {
			return requests{}, fmt.Errorf("encode mint request: %w", err)
		}
	}
	look, err := http.NewRequest(http.MethodGet, cfg.BaseURL+
		"/api/partner/v2/kyc/details?userId=00000000-0000-0000-0000-000000000000", nil)
	if err != nil {
		return requests{}, errBaseURL
	}
	look.Header.Set("partner-api-key", cfg.APIKey.Reveal())
	look.Header.Set("User-Agent", "alta")
	look.Header.Set("Accept", "application/json")
	mint := look.Clone(context.Background())
	mint.Method = http.MethodPost
	mint.Header.Set("Content-Type", "application/json")
	r.look = func() *http.Request { return look }
	r.mint = func() *http.Request { return mint }
	return r, nil
}

// link is the request for a link for the user, whom [checkUser] has passed.
func (r requests) link(u pipeline.User) http.Request {
	id, kind := url.PathEscape(u.ID), "/kyc/verification-link"
	if u.Type == pipeline.Business {
		kind = "/kyb/verification-link"
	}
	const users = "/api/partner/v2/users/"
	target := *r.base
	target.Path = r.base.Path + users + u.ID + kind
	if id != u.ID || r.base.RawPath != "" {
		target.RawPath = r.base.EscapedPath() + users + id + kind
	}
	wish := r.wish[u.Country]
	req := *r.mint()
	req.URL = &target
	req.ContentLength = int64(len(wish))
	// Transport asks for the body once more when a kept connection turns out
	// to be closed before anything was written.
	req.GetBody = func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(wish)), nil }
	req.Body, _ = req.GetBody()
	return req
}
