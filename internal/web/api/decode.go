package api

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"strings"
	"unicode/utf8"
)

// LargestBody bounds the body of a request, in bytes.
const LargestBody = 1 << 20

// deepest bounds how far the values of a body are nested.
const deepest = 8

// readBody reads the body of a request, which must be JSON if there is any.
func readBody(w http.ResponseWriter, r *http.Request) ([]byte, error) {
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, LargestBody))
	switch _, large := errors.AsType[*http.MaxBytesError](err); {
	case large:
		return nil, Refuse(TooLarge, "The body is larger than 1 MiB (%d bytes). Send fewer users at once.", LargestBody)
	case err != nil:
		return nil, Refuse(Malformed, "The body broke off before its end. Send the request again.")
	case len(body) == 0:
		return nil, nil
	}
	kind, params, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if charset := params["charset"]; err != nil || kind != "application/json" || charset != "" && !strings.EqualFold(charset, "utf-8") {
		return nil, Refuse(NotJSON, "The body must be JSON in UTF-8, with 'Content-Type: application/json'.")
	}
	if r.Header.Get("Content-Encoding") != "" {
		return nil, Refuse(NotJSON, "The body must not be compressed; send it without Content-Encoding.")
	}
	return body, nil
}

// decode reads one JSON value into a T, strictly: names are spelled as the contract
// has them and stand once, none is unknown, nothing is null, and nothing follows.
func decode[T any](body []byte) (into T, err error) {
	if len(body) == 0 {
		return into, Refuse(Malformed, "The body is empty; a JSON object is needed.")
	}
	if err := checkJSON(body); err != nil {
		return into, err
	}
	d := json.NewDecoder(bytes.NewReader(body))
	d.DisallowUnknownFields()
	if err := d.Decode(&into); err != nil {
		return into, explainJSON(err)
	}
	return into, nil
}

func explainJSON(err error) error {
	if wrong, ok := errors.AsType[*json.UnmarshalTypeError](err); ok {
		where := "The body"
		if wrong.Field != "" {
			where = wrong.Field
		}
		return Refuse(Malformed, "%s is a JSON %s, where the contract has something else; see /api/v1/openapi.yaml.", where, wrong.Value)
	}
	if name, found := strings.CutPrefix(err.Error(), "json: unknown field "); found {
		return Refuse(Malformed, "The field %s is unknown; leave it out, or look for its spelling in /api/v1/openapi.yaml.", name)
	}
	return Refuse(Malformed, "The body is no JSON that can be read: %s.", strings.TrimPrefix(err.Error(), "json: "))
}

// checkJSON refuses what encoding/json would put up with.
func checkJSON(body []byte) error {
	if !utf8.Valid(body) {
		return Refuse(Malformed, "The body is not valid UTF-8.")
	}
	d := json.NewDecoder(bytes.NewReader(body))
	if err := checkValue(d, "", deepest); err != nil {
		if p, ok := errors.AsType[*Problem](err); ok {
			return p
		}
		if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
			err = errors.New("it ends too soon")
		}
		return Refuse(Malformed, "The body is no JSON that can be read: %v.", err)
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return Refuse(Malformed, "Something follows the JSON of the body; send one value.")
	}
	return nil
}

// checkValue reads one value. where is its place, for people.
func checkValue(d *json.Decoder, where string, deep int) error {
	token, err := d.Token()
	if err != nil {
		return err
	}
	open, isDelim := token.(json.Delim)
	switch {
	case token == nil:
		return Refuse(Malformed, "%s is null; leave out what has no value.", place(where))
	case !isDelim:
		return nil
	case deep == 0:
		return Refuse(Malformed, "The JSON of the body is nested too deeply.")
	case open == '{':
		err = checkObject(d, where, deep)
	default:
		for i := 0; err == nil && d.More(); i++ {
			err = checkValue(d, fmt.Sprintf("%s[%d]", where, i), deep-1)
		}
	}
	if err == nil {
		_, err = d.Token() // the end
	}
	return err
}

func checkObject(d *json.Decoder, where string, deep int) error {
	seen := map[string]bool{}
	for d.More() {
		token, err := d.Token()
		if err != nil {
			return err
		}
		name, _ := token.(string) // the name of a field always is one
		switch {
		case name != strings.ToLower(name):
			return Refuse(Malformed, "The field %q is unknown: names are in lower case.", name)
		case seen[name]:
			return Refuse(Malformed, "The field %q stands twice in one object.", name)
		}
		seen[name] = true
		if err := checkValue(d, strings.TrimPrefix(where+"."+name, "."), deep-1); err != nil {
			return err
		}
	}
	return nil
}

func place(where string) string {
	if where == "" {
		return "The body"
	}
	return where
}
