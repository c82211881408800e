package app

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"strings"

	"alta/pipeline"
)

// visit plays a user with the address, from the mail to the end: it opens the page
// that the mail leads to, presses the button there, and "Verify" at the provider.
func (w *demoWorld) visit(ctx context.Context, address string) error {
	page, err := w.mailedLink(address)
	if err != nil {
		return err
	}
	transport := &http.Transport{DisableKeepAlives: true}
	ask := func(method, to string, form url.Values, want int) (next string, err error) {
		request, err := http.NewRequestWithContext(ctx, method, to, strings.NewReader(form.Encode()))
		if err != nil {
			return "", err
		}
		request.Header.Set("User-Agent", "Mozilla/5.0 (a sample user)")
		request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		response, err := transport.RoundTrip(request) // redirects are followed by hand
		if err != nil {
			return "", err
		}
		if err := response.Body.Close(); err != nil {
			return "", err
		}
		if response.StatusCode != want {
			return "", fmt.Errorf("the page answers %d, not %d", response.StatusCode, want)
		}
		return response.Header.Get("Location"), nil
	}
	if _, err := ask(http.MethodGet, page, nil, http.StatusOK); err != nil {
		return fmt.Errorf("open the page that the mail leads to: %w", err)
	}
	session, err := ask(http.MethodPost, page, nil, http.StatusSeeOther)
	if err != nil {
		return fmt.Errorf("press the button: %w", err)
	}
	if _, err := ask(http.MethodPost, session, url.Values{"outcome": {"verify"}}, http.StatusSeeOther); err != nil {
		return fmt.Errorf("go through the verification: %w", err)
	}
	return nil
}

// mailedLink is the lasting link in the first mail to the address.
func (w *demoWorld) mailedLink(address string) (string, error) {
	for _, m := range w.smtp.Mails() {
		if len(m.To) != 1 || m.To[0] != address {
			continue
		}
		links, err := m.Links()
		if err != nil {
			return "", err
		}
		for _, link := range links {
			if strings.Contains(link, pipeline.TicketPath) {
				return link, nil
			}
		}
	}
	return "", fmt.Errorf("no mail with a link came to %s", address)
}
