package store

import (
	"bytes"
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
	sealed := k.seal(url, "ana")
	if got := k.open(sealed, "ana"); !got.Equal(url) {
		t.Error("does not open for its user")
	}
	if bytes.Contains(sealed, []byte("canary")) || bytes.Equal(sealed, k.seal(url, "ana")) {
		t.Error("shows the link, or that two are the same")
	}
	for name, got := range map[string]pipeline.Secret{
		"for another user":     k.open(sealed, "bob"),
		"with another key":     other.open(sealed, "ana"),
		"without a key":        (*Key)(nil).open(sealed, "ana"),
		"when a bit is turned": k.open(append(append([]byte{}, sealed[:30]...), append([]byte{sealed[30] ^ 1}, sealed[31:]...)...), "ana"),
		"when it is cut":       k.open(sealed[:20], "ana"),
	} {
		if !got.IsZero() {
			t.Errorf("opens %s", name)
		}
	}
	if bytes.Equal(k.fingerprint(url), other.fingerprint(url)) || !bytes.Equal(k.fingerprint(url), k.fingerprint(url)) {
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
