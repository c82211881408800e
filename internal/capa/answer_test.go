package capa

import (
	"strings"
	"testing"
)

func TestParseError(t *testing.T) {
	want := apiError{code: "UNAUTHORIZED", message: "invalid api key"}
	tests := []struct {
		sentence string
		body     string
		want     apiError
	}{
		{"Code and message.", `{"code":"UNAUTHORIZED","message":"Invalid API Key"}`, want},
		{"Below error.", `{"error":{"code":"UNAUTHORIZED","message":"Invalid API Key"}}`, want},
		{"Below message.", `{"statusCode":401,"message":{"code":"UNAUTHORIZED","message":"Invalid API Key"}}`, want},
		{"Below data.", `{"success":false,"data":{"errorCode":"UNAUTHORIZED","message":"Invalid API Key"}}`, want},
		{"The code as error.", `{"success":false,"error":"UNAUTHORIZED","message":"Invalid API Key"}`, want},
		{"The code as errorCode.", `{"statusCode":401,"errorCode":"UNAUTHORIZED","message":"Invalid API Key","error":"Forbidden"}`, want},
		{"The code as statusCode.", `{"statusCode":"UNAUTHORIZED","message":"Invalid API Key"}`, want},
		{"The reason phrase as error.", `{"statusCode":401,"error":"Unauthorized","message":"Invalid API Key"}`, want},
		{"A number is a status, not a code.", `{"code":401,"error":"Unauthorized","message":"Invalid API Key"}`, want},
		{"A number in quotes neither.", `{"code":"401","error":"Unauthorized","message":"Invalid API Key"}`, want},
		{"The message as a list.", `{"code":"UNAUTHORIZED","message":["Invalid API Key."]}`, want},
		{"A message in quotes.", `{"code":"UNAUTHORIZED","message":"\"Invalid  'API' Key\"."}`, want},
		{"In a list of errors.", `{"errors":[{"code":"UNAUTHORIZED","message":"Invalid API Key"},{"code":"X","message":"Y"}]}`, want},
		{"A list of errors at the top.", `[{"code":"UNAUTHORIZED","message":"Invalid API Key"}]`, want},
		{"A list of texts as errors.", `{"code":"UNAUTHORIZED","errors":["Invalid API Key"]}`, want},
		{"An empty list of errors.", `{"code":"UNAUTHORIZED","message":"Invalid API Key","errors":[]}`, want},
		{"A documented code wins over the name of an exception.", `{"code":"UnauthorizedException","error":"Unauthorized","message":"Invalid API Key"}`, want},
		{"A reason phrase that is no documented code is none.", `{"error":"BadRequest","message":"Invalid API Key"}`, apiError{message: "invalid api key"}},
		{"A name is no code.", `{"error":"Perez","status":"Juan"}`, apiError{message: "perez"}},
		{"Another code is kept as it is.", `{"code":"UnauthorizedException"}`, apiError{code: "UNAUTHORIZEDEXCEPTION"}},
		{"A text as error.", `{"error":"Invalid API Key"}`, apiError{message: "invalid api key"}},
		{"A code as message.", `{"statusCode":400,"message":"INVALID_USER_INPUT_ERROR","error":"Bad Request"}`,
			apiError{code: "INVALID_USER_INPUT_ERROR", message: "invalid_user_input_error"}},
		{"Hyphens for underscores.", `{"code":"not-found-error"}`, apiError{code: "NOT_FOUND_ERROR"}},
		{"A list of several.", `{"message":["A.", 1, "B"]}`, apiError{message: "a; b"}},
		{"Too deep.", `{"error":{"error":{"error":{"code":"UNAUTHORIZED"}}}}`, apiError{}},
		{"No JSON.", `<html>Invalid API Key</html>`, apiError{}},
		{"No object.", `["UNAUTHORIZED"]`, apiError{}},
		{"Nothing.", ``, apiError{}},
	}
	for _, test := range tests {
		t.Run(test.sentence, func(t *testing.T) {
			if got := parseError([]byte(test.body)); got != test.want {
				t.Errorf("got %+v, want %+v", got, test.want)
			}
		})
	}
}

func TestParseLink(t *testing.T) {
	tests := []struct {
		sentence   string
		body       string
		link, says string
	}{
		{"The schema.", `{"success":true,"data":{"kycLink":"L"}}`, "L", ""},
		{"The example.", `{"kycLink":"L"}`, "L", ""},
		{"The schema wins.", `{"kycLink":"F","data":{"kycLink":"L"}}`, "L", ""},
		{"Escapes are undone.", `{"kycLink":"a\u0026b\/c"}`, "a&b/c", ""},
		{"No success.", `{"success":false,"kycLink":"L"}`, "", "succeed"},
		{"A success that is no boolean.", `{"success":"false","kycLink":"L"}`, "", "succeed"},
		{"No link.", `{"success":true,"data":null}`, "", "kycLink"},
		{"A link that is no text.", `{"data":{"kycLink":1}}`, "", "kycLink"},
		{"Two answers.", `{"kycLink":"L"}{"kycLink":"M"}`, "", "JSON"},
		{"A bare text.", `"L"`, "", "JSON"},
		{"One brace too few.", `{"success":true,"data":{"kycLink":"L"}`, "", "JSON"},
		{"One brace too many.", `{"kycLink":"L"}}`, "", "JSON"},
		{"Blanks and more fields.", `{ "success" : true, "data" : {"kycLink":"L","id":1} }`, "L", ""},
		{"The other kind of link.", `{"success":true,"data":{"kybLink":"L"}}`, "", "kycLink"},
		{"Another field behind the link.", `{"kycLink":"L","success":false,"x":""}`, "", "succeed"},
		{"A link in letters of any language.", `{"kycLink":"ñ"}`, "ñ", ""},
		{"An empty link.", `{"kycLink":""}`, "", ""},
	}
	for _, test := range tests {
		t.Run(test.sentence, func(t *testing.T) {
			link, problem := parseLink([]byte(test.body), "kycLink")
			if link != test.link || (problem == "") != (test.says == "") || !strings.Contains(problem, test.says) {
				t.Errorf("got %q, %q; want %q, %q", link, problem, test.link, test.says)
			}
		})
	}
}

func TestQuotable(t *testing.T) {
	tests := []struct{ sentence, message, want string }{
		{"A documented message.", "Failed to create verification link.", "failed to create verification link"},
		{"Its words in another order.", "User is not associated, invalid link", "user is not associated, invalid link"},
		{"A person's name.", "failed for Juan Perez", ""},
		{"A token.", "invalid link token abc", ""},
		{"A link.", "invalid link https://x.example/?_al=1", ""},
		{"An address.", "user is ana@x.example", ""},
		{"An id.", "user 8f3a was not found", ""},
		{"The key.", "invalid api key sk-SecretWord", ""},
		{"A long message.", strings.Repeat("user ", 99), ""},
		{"Nothing.", "", ""},
	}
	for _, test := range tests {
		t.Run(test.sentence, func(t *testing.T) {
			if got := quotable(normalise(test.message)); got != test.want {
				t.Errorf("got %q, want %q", got, test.want)
			}
		})
	}
}

// No body breaks the parsers, and what may be shown of it is a code and a short
// line of words without the key.
func FuzzParseAnswer(f *testing.F) {
	for _, body := range []string{
		`{"success":true,"data":{"kycLink":"https://kyc.example.com/s?_al=x==&r=a%2Fb"}}`, `{"kycLink":"x"}`,
		`{"error":{"code":"UNAUTHORIZED","message":["a","b"]}}`, `{"statusCode":400,"message":{"message":"sk-secret"}}`,
		`{"errors":[{"code":"BadRequest","message":"failed for juan perez"}]}`, `<html>`, `[[[[`, `{"message":"\u202e https://x"}`, ``,
	} {
		f.Add([]byte(body))
	}
	const key = "sk-Secret"
	f.Fuzz(func(t *testing.T, body []byte) {
		link, problem := parseLink(body, "kycLink")
		if link != "" && problem != "" {
			t.Errorf("both a link and a problem: %q", problem)
		}
		if sought, why := searchLink(body, "kycLink"); link != sought || problem != why {
			t.Errorf("%q, %q at a glance, and %q, %q by a search", link, problem, sought, why)
		}
		e := parseError(body)
		if again := normalise(e.message); again != e.message && !strings.Contains(e.message, ";") {
			t.Errorf("not normal: %q, %q", e.message, again)
		}
		shown := said(e, key)
		if len(shown) > 200 || strings.Contains(strings.ToLower(shown), strings.ToLower(key)) || strings.ContainsAny(shown, "/@%=\n\r\x00") {
			t.Errorf("shown: %q", shown)
		}
	})
}
