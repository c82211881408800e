package web

import (
	"net/http"
	"time"
)

// ErrorView is what the page about an error shows.
type ErrorView struct {
	Status int
	ErrorText
	Detail string    // in the language of the operator; "" is none
	At     time.Time // to look for in the log; zero for what is not logged
}

func errorScreen() Screen {
	return Screen{
		Name: "error", Section: SectionNone,
		Title: func(_ *Words, view any) string { return view.(ErrorView).Title },
		Samples: func() []any {
			text := englishWords().Errors.Broken
			return []any{
				ErrorView{Status: 500, ErrorText: text, At: time.Unix(0, 0)}, ErrorView{Status: 404, ErrorText: text},
				ErrorView{Status: 400, ErrorText: text, Detail: "sample"},
			}
		},
	}
}

// Error answers with the page of the status: what happened, and what to do.
func (p *Pages) Error(w http.ResponseWriter, r *http.Request, status int) {
	p.Show(w, r, status, "error", ErrorView{Status: status, ErrorText: p.Words(r).Errors.of(status)})
}

// Refuse answers 400 to a form that was not filled in as it must be, and says what
// is wrong with it.
func (p *Pages) Refuse(w http.ResponseWriter, r *http.Request, detail string) {
	p.Show(w, r, http.StatusBadRequest, "error",
		ErrorView{Status: http.StatusBadRequest, ErrorText: p.Words(r).Errors.BadRequest, Detail: detail})
}

// Fail answers 500 and logs what could not be done, "read the overview" for
// example. Nobody waits any more for an answer whose request has ended.
func (p *Pages) Fail(w http.ResponseWriter, r *http.Request, what string, err error) {
	if r.Context().Err() == nil {
		p.options.Log.Error("a page failed: "+what, "error", err)
	}
	p.Show(w, r, http.StatusInternalServerError, "error", ErrorView{
		Status: http.StatusInternalServerError, ErrorText: p.Words(r).Errors.Broken, At: p.options.Now(),
	})
}

func (e ErrorWords) of(status int) ErrorText {
	switch status {
	case http.StatusNotFound:
		return e.NotFound
	case http.StatusForbidden, http.StatusUnauthorized:
		return e.Forbidden
	case http.StatusMethodNotAllowed:
		return e.Method
	case http.StatusTooManyRequests:
		return e.TooMany
	case http.StatusBadRequest, http.StatusRequestEntityTooLarge, http.StatusUnsupportedMediaType:
		return e.BadRequest
	}
	return e.Broken
}
