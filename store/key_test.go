package store

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"testing"

	"alta/pipeline"
)

func TestParseKey(t *testing.T) {
	for _, c := range []struct {
		name string
		text string
		ok   bool
	}{
		{"32 bytes in base64, as openssl prints them.", "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=", true},
		{"32 bytes in hexadecimal.", strings.Repeat("a5", 32), true},
		{"What alta makes itself.", NewKey().Reveal(), true},
		{"16 bytes are too few.", strings.Repeat("a5", 16), false},
		{"33 bytes are too many.", strings.Repeat("a5", 33), false},
		{"A password is no key.", "correct horse battery staple", false},
		{"Nothing is no key.", "", false},
	} {
		t.Run(c.name, func(t *testing.T) {
			k, err := ParseKey(pipeline.NewSecret(c.text))
			if (err == nil) != c.ok || (k != nil) != c.ok {
				t.Fatalf("error is %v", err)
			}
			if err != nil && c.text != "" && strings.Contains(err.Error(), c.text) {
				t.Error("the error holds the text, which may be a secret")
			}
		})
	}
}

func TestASealedLink(t *testing.T) {
	k, other := testKey(t), mustKey(t, NewKey())
	url := pipeline.NewSecret("https://kyc.example.com/s/1?_al=canary==")
	sealed := k.Seal(url, "ana")
	if got := k.Open(sealed, "ana"); !got.Equal(url) {
		t.Error("does not open for its user")
	}
	if bytes.Contains(sealed, []byte("canary")) || bytes.Equal(sealed, k.Seal(url, "ana")) {
		t.Error("shows the link, or that two are the same")
	}
	for name, got := range map[string]pipeline.Secret{
		"for another user":     k.Open(sealed, "bob"),
		"with another key":     other.Open(sealed, "ana"),
		"without a key":        (*Key)(nil).Open(sealed, "ana"),
		"when a bit is turned": k.Open(append(append([]byte{}, sealed[:30]...), append([]byte{sealed[30] ^ 1}, sealed[31:]...)...), "ana"),
		"when it is cut":       k.Open(sealed[:20], "ana"),
	} {
		if !got.IsZero() {
			t.Errorf("opens %s", name)
		}
	}
	if bytes.Equal(k.Fingerprint(url), other.Fingerprint(url)) || !bytes.Equal(k.Fingerprint(url), k.Fingerprint(url)) {
		t.Error("the fingerprint does not depend on the key and the link alone")
	}
}

func TestAKeyHidesItself(t *testing.T) {
	k := testKey(t)
	for _, format := range []string{"%v", "%+v", "%#v", "%s", "%x", "%d"} {
		if got := fmt.Sprintf(format, k); got != "[data key]" {
			t.Errorf("%s prints %q", format, got)
		}
	}
	if got := k.LogValue().String(); got != "[data key]" {
		t.Errorf("a log shows %q", got)
	}
}

func mustKey(t *testing.T, text pipeline.Secret) *Key {
	t.Helper()
	k, err := ParseKey(text)
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func TestCheckKey(t *testing.T) {
	s, err := Open(t.Context(), newPath(t))
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	own, other := mustKey(t, NewKey()), mustKey(t, NewKey())
	if err := s.CheckKey(t.Context(), own); err != nil {
		t.Errorf("a ledger without a key refuses one: %v", err)
	}
	if has, err := s.HasKey(t.Context()); has || err != nil {
		t.Errorf("a check gave the ledger a key (%v)", err)
	}
	if err := s.UseKey(t.Context(), own); err != nil {
		t.Fatal(err)
	}
	if err := s.CheckKey(t.Context(), own); err != nil {
		t.Errorf("its own key is refused: %v", err)
	}
	if err := s.CheckKey(t.Context(), other); !errors.Is(err, ErrWrongKey) {
		t.Errorf("another key: error is %v, want %v", err, ErrWrongKey)
	}
}

// Whoever stood by while the key was changed must not seal with the old one.
func TestAKeyThatWasChangedMeanwhileIsNotUsedAnyMore(t *testing.T) {
	path := newPath(t)
	standby := openAt(t, path)
	settle := func() error {
		_, _, err := standby.Recover(t.Context(), noon, func(d *pipeline.Delivery, _ bool) pipeline.Verdict { return pipeline.PutBack(d, d.DueAt) })
		return err
	}
	if err := settle(); err != nil {
		t.Fatal(err)
	}
	other, err := Open(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	defer other.Close()
	if err := other.Rekey(t.Context(), mustKey(t, NewKey()), Act{"olga", ""}, noon); err != nil {
		t.Fatal(err)
	}
	if err := settle(); !errors.Is(err, ErrWrongKey) {
		t.Errorf("error is %v, want %v", err, ErrWrongKey)
	}
}

// What a leaked key opens is gone from the bytes of the files, too.
func TestRekeyLeavesNothingThatTheOldKeyOpens(t *testing.T) {
	path := newPath(t)
	s := openAt(t, path)
	enrolIDs(t, s, "ana")
	recordRetry(t, s)
	sealed, err := column[[]byte](boundTo(t.Context(), s.reads), `SELECT sealed FROM links WHERE sealed IS NOT NULL`)
	if err != nil || len(sealed) != 1 {
		t.Fatalf("%d sealed links (%v), want 1", len(sealed), err)
	}
	held := func() bool { return bytes.Contains(append(contents(t, path), contents(t, path+"-wal")...), sealed[0]) }
	if !held() {
		t.Fatal("the search does not find what is there")
	}
	if err := s.Rekey(t.Context(), mustKey(t, NewKey()), Act{"olga", ""}, noon); err != nil {
		t.Fatal(err)
	}
	if held() {
		t.Error("the sealed link still stands in the file or its log")
	}
}
