package capa

import (
	"encoding/json"
	"strings"
	"unicode"

	"alta/pipeline"
)

// answer is what came back from one call.
type answer struct {
	status     int
	retryAfter string // the header, as it came
	body       []byte // nil when it was not read, was cut or was over the limit
	oversize   bool
}

// parseLink finds the link in the body of a 2xx answer, in the documented
// shape {"success":true,"data":{"kycLink":"…"}} or in the flat one of the
// documented example. problem is "" when there is one.
func parseLink(body []byte, field string) (link, problem string) {
	var top map[string]any
	if err := json.Unmarshal(body, &top); err != nil {
		return "", "the answer is not a JSON object"
	}
	if success, present := top["success"]; present && success != true {
		return "", "the answer says that it did not succeed"
	}
	if data, ok := top["data"].(map[string]any); ok {
		if link, ok := data[field].(string); ok {
			return link, ""
		}
	}
	if link, ok := top[field].(string); ok {
		return link, ""
	}
	return "", "the answer holds no " + field
}

// linkField is where the answer to a mint for a user of that type has the link.
func linkField(t pipeline.UserType) string {
	if t == pipeline.Business {
		return "kybLink"
	}
	return "kycLink"
}

// apiError is the code and message of an error answer, both "" when it has
// none. The code is in upper case with underscores; the message is normalised.
type apiError struct{ code, message string }

// parseError reads the body of an error answer. Its shape is not documented,
// so every usual one is understood: code and message at the top or below
// "error", the code as "error", "errorCode" or "statusCode", the message as a
// list. Anything else yields an empty apiError.
func parseError(body []byte) apiError {
	var v any
	if json.Unmarshal(body, &v) != nil {
		return apiError{}
	}
	var e apiError
	e.fill(v, 3)
	if e.code == "" {
		if code := strings.ToUpper(e.message); strings.Contains(code, "_") {
			e.setCode(code)
		}
	}
	return e
}

// fill takes what v has for the fields that are still empty; depth ends the
// search in a deeply nested body.
func (e *apiError) fill(v any, depth int) {
	m, ok := v.(map[string]any)
	if !ok || depth == 0 {
		return
	}
	for _, key := range []string{"errorCode", "error_code", "code"} {
		e.setCode(m[key])
	}
	e.setMessage(m["message"])
	for _, key := range []string{"error", "message", "errors", "data"} {
		e.fill(m[key], depth-1)
	}
	for _, key := range []string{"error", "statusCode", "status"} {
		e.setCode(m[key])
	}
	e.setMessage(m["error"])
}

// setCode takes a word of letters and underscores; a number is a status, and a
// text with blanks is a message.
func (e *apiError) setCode(v any) {
	s, ok := v.(string)
	if !ok || e.code != "" || s == "" || len(s) > 64 {
		return
	}
	code := foldCode(s)
	for _, b := range []byte(code) {
		if (b < 'A' || b > 'Z') && b != '_' {
			return
		}
	}
	e.code = code
}

func foldCode(s string) string { return strings.ReplaceAll(strings.ToUpper(s), "-", "_") }

func (e *apiError) setMessage(v any) {
	if e.message != "" {
		return
	}
	switch v := v.(type) {
	case string:
		e.message = normalise(v)
	case []any:
		var parts []string
		for _, part := range v {
			if s, ok := part.(string); ok {
				parts = append(parts, normalise(s))
			}
		}
		e.message = strings.Join(parts, "; ")
	}
}

// normalise folds case, quotes, runs of blanks and the final stop, in which
// the documented texts and the real ones may differ.
func normalise(message string) string {
	message = strings.Map(func(r rune) rune {
		switch {
		case strings.ContainsRune("\"'`´‘’“”„«»", r):
			return -1
		case unicode.IsSpace(r) || unicode.IsControl(r):
			return ' '
		}
		return unicode.ToLower(r)
	}, message)
	return strings.TrimRight(strings.Join(strings.Fields(message), " "), ".! ")
}

// quotable returns the parts of a normalised message that may be shown: plain
// words. Whatever could be a link, an id, an address or a part of the key
// becomes "…".
func quotable(message, key string) string {
	const maxWords, maxWord, minPart = 16, 24, 4
	key = normalise(key)
	if key != "" && strings.Contains(message, key) {
		return ""
	}
	words := strings.Fields(message)
	if len(words) > maxWords {
		words = append(words[:maxWords:maxWords], "…")
	}
	for i, word := range words {
		word = strings.TrimRight(word, ",;")
		plain := len(word) <= maxWord && (len(word) < minPart || !strings.Contains(key, word))
		for _, r := range word {
			plain = plain && (unicode.IsLetter(r) || r == '-')
		}
		if !plain {
			words[i] = "…"
		}
	}
	return strings.Join(words, " ")
}
