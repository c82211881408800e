package web

import (
	"bytes"
	"errors"
	"io"
	"mime"
	"mime/multipart"
	"net/url"
	"strings"
)

// The fields that opt a user out: that of RFC 8058, section 3.1, and that of the
// button on the page.
const (
	oneClickField = "List-Unsubscribe"
	oneClickValue = "One-Click"
	confirmField  = "confirm"
	confirmValue  = "yes"
)

// wantsOut tells whether a body that was posted opts the user out. RFC 8058 lets
// mail providers send it in either form of HTML; one that names no type, or a wrong
// one, is read as the simpler of them.
func wantsOut(contentType string, body []byte) bool {
	kind, params, err := mime.ParseMediaType(contentType)
	if err == nil && kind == "multipart/form-data" && params["boundary"] != "" {
		return partsWantOut(multipart.NewReader(bytes.NewReader(body), params["boundary"]))
	}
	// What could be read stands in the values, whatever the error says.
	values, _ := url.ParseQuery(strings.TrimSpace(string(body)))
	for name, all := range values {
		for _, value := range all {
			if optsOut(name, value) {
				return true
			}
		}
	}
	return false
}

func partsWantOut(parts *multipart.Reader) bool {
	for {
		part, err := parts.NextPart()
		if err != nil {
			return false // its end, or no multipart body at all
		}
		value, err := io.ReadAll(io.LimitReader(part, mostBody))
		if err != nil && !errors.Is(err, io.ErrUnexpectedEOF) {
			return false
		}
		if optsOut(part.FormName(), string(value)) {
			return true
		}
	}
}

func optsOut(name, value string) bool {
	value = strings.TrimSpace(value)
	return strings.EqualFold(name, oneClickField) && strings.EqualFold(value, oneClickValue) ||
		name == confirmField && value == confirmValue
}
