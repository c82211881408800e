package intake

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"

	"alta/pipeline"
)

// The longest values that are taken, in characters. That of the external id is
// the import's.
const (
	maxEvent      = 64
	maxExternalID = 256
)

// event is the body of a webhook: {"type":"KYC","event":"…","externalUserId":"…"}.
type event struct {
	kind       string // "KYC"; it tells nothing that name does not
	name       string
	externalID string
}

// parseEvent reads a body that is one JSON object and nothing behind it. Names
// of fields are taken to the letter, of one that stands there twice the last
// counts, and unknown ones may stand beside. The error repeats nothing of the
// body.
func parseEvent(body []byte) (event, error) {
	if !utf8.Valid(body) {
		return event{}, errors.New("the body is not valid UTF-8")
	}
	// A map, because the decoder takes the fields of a struct in any case.
	var fields map[string]json.RawMessage
	if json.Unmarshal(body, &fields) != nil || fields == nil {
		return event{}, errors.New("the body is not a JSON object")
	}
	var e event
	var err error
	if e.name, err = field(fields, "event", maxEvent); err != nil {
		return event{}, err
	}
	if e.externalID, err = field(fields, "externalUserId", maxExternalID); err != nil {
		return event{}, err
	}
	// It decides nothing, so one that is missing or odd is no reason to refuse.
	if json.Unmarshal(fields["type"], &e.kind) != nil {
		e.kind = ""
	}
	return e, nil
}

// field returns a text of the object, without blanks at its ends, as an import
// takes it.
func field(fields map[string]json.RawMessage, name string, most int) (string, error) {
	raw, present := fields[name]
	if !present {
		return "", fmt.Errorf("the field %s is missing", name)
	}
	var text string
	if json.Unmarshal(raw, &text) != nil {
		return "", fmt.Errorf("the field %s is not a text", name)
	}
	text = strings.TrimSpace(text)
	switch {
	case text == "":
		return "", fmt.Errorf("the field %s is empty", name)
	case utf8.RuneCountInString(text) > most:
		return "", fmt.Errorf("the field %s has more than %d characters", name, most)
	case strings.ContainsFunc(text, unfit):
		return "", fmt.Errorf("the field %s holds a control character", name)
	}
	return text, nil
}

// unfit tells whether an import would refuse the character: it would break a
// line, turn the direction of what stands beside it, or stands for one that was
// lost.
func unfit(r rune) bool {
	return unicode.IsControl(r) || unicode.In(r, unicode.Zl, unicode.Zp, unicode.Bidi_Control) || r == utf8.RuneError
}

// news is the event as the ledger takes it.
func (e event) news() pipeline.News {
	return pipeline.News{ExternalID: e.externalID, Event: e.name, Status: meaning(e.name)}
}

// meaning returns the status that an event stands for, "" for one that Capa does
// not document.
func meaning(event string) pipeline.Status {
	switch event {
	case "CREATED_KYC", "REVIEW_NEEDED_KYC":
		return pipeline.InReview
	case "VERIFIED_USER":
		return pipeline.Verified
	case "REJECTED_KYC":
		return pipeline.Rejected
	}
	return ""
}

// eventLabel bounds what the partner names to a few words.
func eventLabel(n pipeline.News) string {
	if n.Status == "" {
		return "other"
	}
	return n.Event
}
