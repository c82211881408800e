package web

import (
	"encoding/base64"
	"strings"

	"alta/pipeline"
)

// The places of the public side.
const (
	nowhere place = iota
	landing       // /k/TOKEN: the page that a mail leads to
	later         // /k/TOKEN/later: a mail when the partner API is back
	leaving       // /u/TOKEN: opting out
	hook          // /hooks/capa: the partner's webhooks
	robots        // /robots.txt
)

// place is one part of the public side.
type place int

const (
	leavingPath = pipeline.OptOutPath
	laterPath   = "/later"
)

// locate reads a path. token is "" where the path holds none, or one that alta
// can't have made.
func locate(path string) (where place, token string) {
	switch path {
	case "/robots.txt":
		return robots, ""
	case "/hooks/capa":
		return hook, ""
	}
	if rest, ok := strings.CutPrefix(path, pipeline.TicketPath); ok {
		where = landing
		if before, asks := strings.CutSuffix(rest, laterPath); asks {
			where, rest = later, before
		}
		return tokenAt(where, rest)
	}
	if rest, ok := strings.CutPrefix(path, leavingPath); ok {
		return tokenAt(leaving, rest)
	}
	return nowhere, ""
}

func tokenAt(where place, rest string) (place, string) {
	if strings.Contains(rest, "/") {
		return nowhere, ""
	}
	if !isToken(rest) {
		return where, ""
	}
	return where, rest
}

// isToken tells whether text is a token as [pipeline.Lasting] writes them: base64url
// of 128 bits without padding, in its one canonical form.
func isToken(text string) bool {
	if len(text) != base64.RawURLEncoding.EncodedLen(pipeline.TicketBytes) || strings.ContainsAny(text, "\r\n") {
		return false // the decoder skips line breaks
	}
	_, err := base64.RawURLEncoding.Strict().DecodeString(text)
	return err == nil
}
