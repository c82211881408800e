package sandbox

import (
	"cmp"
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"alta/pipeline"
)

const maxRequest = 64 << 10 // bytes

func (a *API) routes() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("POST /api/partner/v2/users/{id}/kyc/verification-link", a.serve(a.mint(pipeline.Individual)))
	mux.HandleFunc("POST /api/partner/v2/users/{id}/kyb/verification-link", a.serve(a.mint(pipeline.Business)))
	mux.HandleFunc("GET /api/partner/v2/kyc/details", a.serve(a.details))
	mux.HandleFunc("PUT /api/partner/v2/webhook-settings", a.serve(a.settings))
	return mux
}

// serve reads the request to its end, so that a cut or a hang comes after it,
// and gives the answer that decide chooses.
func (a *API) serve(decide func(r *http.Request, body []byte) (APIAnswer, []byte)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if !a.enter() {
			panic(http.ErrAbortHandler)
		}
		defer a.running.Done()
		body, err := readBody(r)
		if err != nil {
			panic(http.ErrAbortHandler)
		}
		answer, page := decide(r, body)
		if !a.pause(r, a.opts.Latency+answer.Delay) {
			panic(http.ErrAbortHandler)
		}
		a.write(w, r, answer, page)
	}
}

// enter registers a request unless Close has begun.
func (a *API) enter() bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.closed {
		return false
	}
	a.running.Add(1)
	return true
}

// pause waits, and tells whether anybody still wants the answer.
func (a *API) pause(r *http.Request, d time.Duration) bool {
	if d <= 0 {
		return true
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-r.Context().Done():
	case <-a.stopping.Done():
	}
	return false
}

// write gives the answer with the body page, or does not, as its action says.
// http.ErrAbortHandler is net/http's way to close a connection in silence.
func (a *API) write(w http.ResponseWriter, r *http.Request, answer APIAnswer, page []byte) {
	switch answer.Action {
	case Hang:
		select {
		case <-r.Context().Done():
		case <-a.stopping.Done():
		}
		panic(http.ErrAbortHandler)
	case CutOff:
		panic(http.ErrAbortHandler)
	}
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	for name, value := range answer.Headers {
		w.Header().Set(name, value)
	}
	if answer.Action == CutBody {
		// Whoever reads it must know that it was longer. Of a whole body that
		// is small net/http tells the length.
		w.Header().Set("Content-Length", strconv.Itoa(len(page)))
		w.WriteHeader(answer.Status)
		_, _ = w.Write(page[:len(page)/2])
		_ = http.NewResponseController(w).Flush()
		panic(http.ErrAbortHandler)
	}
	w.WriteHeader(answer.Status)
	_, _ = w.Write(page)
}

// mint returns the handler of a mint call for users of the type.
func (a *API) mint(t pipeline.UserType) func(*http.Request, []byte) (APIAnswer, []byte) {
	return func(r *http.Request, body []byte) (APIAnswer, []byte) {
		var want struct {
			Country     pipeline.Country `json:"country"`
			RedirectURI string           `json:"partnerRedirectUri"`
		}
		malformed := json.Unmarshal(body, &want)
		id := r.PathValue("id")

		a.mu.Lock()
		defer a.mu.Unlock()
		a.calls++
		answer, faulty := a.fault(request{user: id, country: want.Country, call: a.calls})
		switch {
		case !faulty || answer.Action == Late:
			delay := answer.Delay
			answer = a.checkMint(r, id, t, want.Country, want.RedirectURI, malformed)
			answer.Delay = delay
			if answer.Status == 0 {
				answer.Link = a.newLink()
			}
		case answer.Action == CutBody && answer.Body == "" && answer.Code == "":
			answer.Link = cmp.Or(answer.Link, a.newLink())
		}
		opened := answer.Link
		if opened == "" && answer.Opens {
			opened = a.newLink()
		}
		if opened != "" {
			a.mints = append(a.mints, Mint{
				User: id, Type: t, Country: want.Country, RedirectURI: want.RedirectURI,
				Link: pipeline.NewSecret(opened), At: a.opts.Now(),
			})
		}
		return a.finish(answer, t)
	}
}

// checkMint returns the documented error that the request deserves, or the
// zero answer. The caller holds the lock.
func (a *API) checkMint(r *http.Request, id string, t pipeline.UserType, c pipeline.Country, redirect string, malformed error) APIAnswer {
	if refusal := a.checkKey(r); refusal.Status != 0 {
		return refusal
	}
	u, known := a.users[id]
	switch {
	case malformed != nil, c != pipeline.MX && c != pipeline.DO, !isRedirect(redirect),
		!strings.HasPrefix(r.Header.Get("Content-Type"), "application/json"):
		return InvalidInput()
	case !known && !a.opts.AnyUser:
		return NotFound()
	case known && u.Foreign:
		return NotAssociated()
	case known && u.Type != t:
		return WrongType(u.Type)
	}
	return APIAnswer{}
}

// isRedirect accepts nothing, https and custom schemes.
func isRedirect(raw string) bool {
	u, err := url.Parse(raw)
	return raw == "" || err == nil && u.Scheme != "http" && strings.Contains(raw, "://")
}

func (a *API) checkKey(r *http.Request) APIAnswer {
	key := r.Header.Get("partner-api-key")
	switch {
	case key == "":
		return KeyMissing()
	case strings.ContainsAny(key, " \t,;\""):
		return KeyFormat()
	case key != a.opts.Key:
		return KeyInvalid()
	}
	return APIAnswer{}
}

// details answers with the one documented field and, like the real thing, with
// personal data that nobody should read.
func (a *API) details(r *http.Request, _ []byte) (APIAnswer, []byte) {
	id := r.URL.Query().Get("userId")
	a.mu.Lock()
	defer a.mu.Unlock()
	answer, faulty := a.fault(request{user: id, details: true})
	if faulty && answer.Action != Late {
		return a.finish(answer, pipeline.Individual)
	}
	delay := answer.Delay
	u, known := a.users[id]
	answer = a.checkKey(r)
	answer.Delay = delay
	switch {
	case answer.Status != 0:
	case id == "":
		answer = InvalidInput()
	case !known && !a.opts.AnyUser:
		answer = NotFound()
	case u.Foreign:
		answer = NotAssociated()
	default:
		answer.Body = encodeJSON(map[string]any{
			"success": true,
			"data": map[string]any{
				"userId":         id,
				"taxId":          "SANDBOX000000XX0",
				"aipriseSummary": map[string]any{"verificationResult": cmp.Or(a.verdicts[id], "PENDING")},
			},
		})
	}
	return a.finish(answer, pipeline.Individual)
}

// newLink returns a link with what real ones have and mail programs break: "="
// in and after the token, "&", and a percent-encoded slash.
func (a *API) newLink() string {
	token := make([]byte, 16)
	_, _ = rand.Read(token) // it never fails: see its documentation
	return a.opts.LinkURL + "?_al=" + base64.URLEncoding.EncodeToString(token) + "&r=a%2Fb"
}

// finish completes the status and writes the body.
func (a *API) finish(answer APIAnswer, t pipeline.UserType) (APIAnswer, []byte) {
	if answer.Status == 0 {
		answer.Status = http.StatusOK
		if answer.Link != "" {
			answer.Status = http.StatusCreated
		}
	}
	switch {
	case answer.Body != "":
		return answer, []byte(answer.Body)
	case answer.Link != "":
		field := "kycLink"
		if t == pipeline.Business {
			field = "kybLink"
		}
		return answer, []byte(a.opts.Answers.body(field, answer.Link))
	case answer.Code != "" || answer.Message != "":
		return answer, []byte(encodeJSON(a.opts.Errors.body(answer)))
	}
	return answer, nil
}

// body is written by hand because it is nearly every answer, and as JavaScript
// writes it: encoding/json would escape the "&" of the link.
func (s AnswerShape) body(field, link string) string {
	flat := `{"` + field + `":` + quoteJSON(link) + `}`
	if s == FlatAnswer {
		return flat
	}
	return `{"success":true,"data":` + flat + `}`
}

// quoteJSON is a text as JSON has it.
func quoteJSON(text string) string {
	for _, b := range []byte(text) {
		if b < ' ' || b > '~' || b == '"' || b == '\\' {
			quoted, _ := json.Marshal(text) // a text never fails
			return string(quoted)
		}
	}
	return `"` + text + `"`
}

func (s ErrorShape) body(answer APIAnswer) map[string]any {
	flat := map[string]any{"code": answer.Code, "message": answer.Message}
	switch s {
	case NestedError:
		return map[string]any{"error": flat}
	case FailError:
		return map[string]any{"success": false, "error": answer.Code, "message": answer.Message}
	case ListError:
		return map[string]any{
			"statusCode": answer.Status, "errorCode": answer.Code,
			"message": []string{answer.Message}, "error": http.StatusText(answer.Status),
		}
	}
	return flat
}

// encodeJSON never fails: its values are made of strings, numbers and booleans.
func encodeJSON(v map[string]any) string {
	text, err := json.Marshal(v)
	if err != nil {
		panic(err)
	}
	return string(text)
}
