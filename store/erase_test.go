package store

import (
	"bytes"
	"fmt"
	"testing"

	"alta/pipeline"
)

func TestAnErasedUserIsGoneFromTheBytesOfTheFiles(t *testing.T) {
	path := newPath(t)
	s, err := Open(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	var users []pipeline.User
	for i := range 300 {
		users = append(users, pipeline.User{
			ID: fmt.Sprintf("user-%d", i), ExternalID: fmt.Sprintf("external-%d", i), Email: fmt.Sprintf("maria.perez.%d@example.com", i),
			Name: fmt.Sprintf("María Pérez %d", i), Country: pipeline.MX,
		})
	}
	if _, err := s.Enrol(t.Context(), users, Imported, inviteAt(noon), noon); err != nil {
		t.Fatal(err)
	}
	for _, u := range users {
		if err := s.Erase(t.Context(), u.ID, Act{"olga", ""}, noon); err != nil {
			t.Fatal(err)
		}
	}
	log := contents(t, path+"-wal") // while the ledger is open
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	content := append(contents(t, path), log...)
	for _, trace := range []string{"maria.perez", "María", "external-"} {
		if n := bytes.Count(content, []byte(trace)); n > 0 {
			t.Errorf("%q stands %d times in the file or its log", trace, n)
		}
	}
}
