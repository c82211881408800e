package capa

import (
	"bytes"
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
	cut        bool
	oversize   bool
}

// parseLink finds the link in the body of a 2xx answer, in the documented
// shape {"success":true,"data":{"kycLink":"…"}} or in the flat one of the
// documented example. problem is "" when there is one.
func parseLink(body []byte, field string) (link, problem string) {
	if link, ok := plainLink(body, field); ok {
		return link, ""
	}
	return searchLink(body, field)
}

// plainLink reads an answer that is, byte for byte, what an encoder makes of one
// of the two shapes, and a link that needs no escapes. That is almost every
// answer, and costs a fraction of a search.
func plainLink(body []byte, field string) (link string, ok bool) {
	rest, nested := bytes.CutPrefix(body, []byte(`{"success":true,"data":`))
	rest, named := bytes.CutPrefix(rest, []byte(`{"`+field+`":"`))
	end := []byte(`"}`)
	if nested {
		end = []byte(`"}}`)
	}
	rest, whole := bytes.CutSuffix(rest, end)
	if !named || !whole {
		return "", false
	}
	for _, b := range rest {
		if b < ' ' || b >= 0x7f || b == '"' || b == '\\' {
			return "", false
		}
	}
	return string(rest), true
}

// searchLink reads an answer of any other make.
func searchLink(body []byte, field string) (link, problem string) {
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

// documented lists the codes of the partner API's error table, each with its
// messages as normalise leaves them; "…" stands for what varies.
func documented() map[string][]string {
	return map[string][]string{
		"UNAUTHORIZED": {
			"api key is missing", "invalid api key format", "invalid api key",
			"partner information is required for this operation", notAssociated,
		},
		"INVALID_PARTNER_FLOW":               {"the partner has an invalid flow"},
		"INVALID_USER_INPUT_ERROR":           {"invalid user input"},
		"INVALID_VERIFICATION_TYPE_FOR_USER": {"… users can only request … verification"},
		"KYC_TEMPLATE_NOT_CONFIGURED_ERROR":  {"kyc template not configured for …"},
		"NOT_FOUND_ERROR":                    {"requested user was not found"},
		"INTERNAL_SERVER_ERROR":              {"failed to create verification link"},
	}
}

func isDocumented(code string) bool {
	_, ok := documented()[code]
	return ok
}

// parseError reads the body of an error answer. Its shape is not documented,
// so every usual one is understood: code and message at the top, below "error"
// or in the first element of "errors", the code as "error", "errorCode" or
// "statusCode", the message as a list. A documented code wins over any other,
// such as the name of an exception. Anything else yields an empty apiError.
func parseError(body []byte) apiError {
	var v any
	if json.Unmarshal(body, &v) != nil {
		return apiError{}
	}
	var e apiError
	e.fill(v, 3)
	if code := foldCode(e.message); isDocumented(code) {
		e.setCode(code)
	}
	return e
}

// fill takes what v has for the fields that are still empty; depth ends the
// search in a deeply nested body.
func (e *apiError) fill(v any, depth int) {
	if list, ok := v.([]any); ok && len(list) > 0 {
		v = list[0]
	}
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
	// These may hold anything else, a reason phrase or a name: only what looks
	// like a code is taken.
	for _, key := range []string{"error", "statusCode", "status"} {
		if s, ok := m[key].(string); ok && (isDocumented(foldCode(s)) || strings.Contains(s, "_")) {
			e.setCode(s)
		}
	}
	e.setMessage(m["error"])
	e.setMessage(m["errors"])
}

// setCode takes a word of letters and underscores; a number is a status, and a
// text with blanks is a message.
func (e *apiError) setCode(v any) {
	s, ok := v.(string)
	if !ok || s == "" || len(s) > 64 {
		return
	}
	code := foldCode(s)
	if e.code != "" && (isDocumented(e.code) || !isDocumented(code)) {
		return
	}
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

// quotable returns a normalised message if it may be shown: when it is made of
// words of the documented messages alone, so that it can't hold a name, an
// address, an id, a link or a key. Otherwise it returns "".
func quotable(message string) string {
	const longest = 100 // bytes; the documented messages are half as long
	if len(message) > longest {
		return ""
	}
	known := map[string]bool{}
	for _, messages := range documented() {
		for _, m := range messages {
			for word := range strings.FieldsSeq(m) {
				known[word] = true
			}
		}
	}
	for word := range strings.FieldsSeq(message) {
		if !known[strings.TrimRight(word, ",;")] {
			return ""
		}
	}
	return message
}
