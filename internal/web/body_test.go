package web

import (
	"io"
	"net/http"
	"testing"
)

// bodyOf reads the whole answer.
func bodyOf(t testing.TB, response *http.Response) string {
	t.Helper()
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}
