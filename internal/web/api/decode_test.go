package api

import (
	"bytes"
	"encoding/json"
	"errors"
	"reflect"
	"strings"
	"testing"
)

func TestDecode(t *testing.T) {
	for _, c := range []struct{ sentence, body, says string }{
		{"a good body is read", `{"users":[{"id":"a","email":"a@b.mx"}],"invite":"now"}`, ""},
		{"white space around it is free", "\n {\"users\":[]}\t\n", ""},
		{"an empty body is none", ``, "The body is empty"},
		{"white space alone is none", ` `, "it ends too soon"},
		{"a body that breaks off is refused", `{"users":[`, "it ends too soon"},
		{"so is one that is no JSON", `users=a`, "is no JSON"},
		{"so is a second value", `{"users":[]}{}`, "Something follows"},
		{"so is a list in place of an object", `[]`, "is a JSON array"},
		{"so is a number in place of text", `{"invite":1}`, "invite is a JSON number"},
		{"so is an unknown field, with its name", `{"user":[]}`, `The field "user" is unknown`},
		{"so is an unknown field further in", `{"users":[{"id":"a","mail":"b"}]}`, `The field "mail" is unknown`},
		{"so is a field in another case, which Go would take", `{"Users":[]}`, `The field "Users" is unknown`},
		{"so is a field that stands twice, of which Go would take the last", `{"users":[{"id":"a","id":"b"}]}`, `"id" stands twice`},
		{"so is null", `{"users":[{"id":"a","name":null}]}`, "users[0].name is null"},
		{"so is null alone", `null`, "The body is null"},
		{"so is what is no UTF-8", "{\"invite\":\"\xff\"}", "not valid UTF-8"},
		{"so is what is nested without end", strings.Repeat("[", 100), "nested too deeply"},
	} {
		t.Run(c.sentence, func(t *testing.T) {
			_, err := decode[enrolment]([]byte(c.body))
			if c.says == "" {
				if err != nil {
					t.Error(err)
				}
				return
			}
			p, ok := errors.AsType[*Problem](err)
			if !ok || p.Kind != Malformed || !strings.Contains(p.Detail, c.says) {
				t.Errorf("got %v, expected a malformed one that says %q", err, c.says)
			}
		})
	}
}

// FuzzDecode finds no body that makes trouble, and none that is taken though it says
// something else than what was read of it.
func FuzzDecode(f *testing.F) {
	for _, seed := range []string{
		`{"users":[{"id":"a","email":"a@b.mx","name":"A","country":"MX"}],"invite":"now"}`, `{"Users":[]}`, `{"users":null}`, `[[[[`, `{"users":[{"id":"\ud800"}]}`, ``,
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		got, err := decode[enrolment](body)
		if err != nil {
			if p, ok := errors.AsType[*Problem](err); !ok || p.Detail == "" {
				t.Fatalf("%q: %v is no problem that says something", body, err)
			}
			return
		}
		var told, read map[string]any
		text, err := json.Marshal(got)
		if err != nil {
			t.Fatal(err)
		}
		if err := json.NewDecoder(bytes.NewReader(body)).Decode(&told); err != nil {
			t.Fatalf("%q was taken: %v", body, err)
		}
		if err := json.Unmarshal(text, &read); err != nil {
			t.Fatal(err)
		}
		if !reflect.DeepEqual(without(told), without(read)) {
			t.Errorf("%q was read as %s", body, text)
		}
	})
}

// without drops what is empty, which a request may leave out.
func without(v any) any {
	switch v := v.(type) {
	case map[string]any:
		for name, value := range v {
			if value = without(value); value == nil || value == "" {
				delete(v, name)
			} else {
				v[name] = value
			}
		}
	case []any:
		if len(v) == 0 {
			return nil
		}
		for i := range v {
			v[i] = without(v[i])
		}
	}
	return v
}
