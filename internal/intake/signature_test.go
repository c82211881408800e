package intake

import (
	"encoding/hex"
	"strings"
	"testing"

	"alta/pipeline"
)

// RFC 4231, test cases 1 and 2.
func TestSignMatchesTheStandard(t *testing.T) {
	for _, test := range []struct{ key, body, want string }{
		{strings.Repeat("\x0b", 20), "Hi There", "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7"},
		{"Jefe", "what do ya want for nothing?", "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"},
	} {
		if got := Sign(pipeline.NewSecret(test.key), []byte(test.body)); got != test.want {
			t.Errorf("%s, want %s", got, test.want)
		}
	}
}

// Only the signature of this very body by one of the keys is good, in whatever
// case its hex is.
func FuzzSignature(f *testing.F) {
	f.Add([]byte("Hi There"), "Jefe", "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7", uint(3))
	f.Add([]byte(""), "k", "", uint(0))
	f.Add([]byte(`{"event":"E"}`), "key", "zz", uint(255))
	f.Fuzz(func(t *testing.T, body []byte, key, guess string, bit uint) {
		if key == "" {
			key = "k"
		}
		current, previous := pipeline.NewSecret("current of "+key), pipeline.NewSecret(key)
		k := newKeys([]pipeline.Secret{current, {}, previous})
		for _, secret := range []pipeline.Secret{current, previous} {
			right := Sign(secret, body)
			if !k.signed(body, []string{right}) || !k.signed(body, []string{strings.ToUpper(right)}) {
				t.Fatal("a good signature is refused")
			}
			wrong, err := hex.DecodeString(right)
			if err != nil {
				t.Fatal(err)
			}
			wrong[bit/8%uint(len(wrong))] ^= 1 << (bit % 8)
			if k.signed(body, []string{hex.EncodeToString(wrong)}) {
				t.Fatal("a signature with one wrong bit is taken")
			}
			if k.signed(append([]byte("x"), body...), []string{right}) || k.signed(body, []string{right, right}) {
				t.Fatal("the signature of another body, or two of them, are taken")
			}
			if strings.EqualFold(guess, right) {
				return
			}
		}
		if k.signed(body, []string{guess}) {
			t.Fatalf("%q is taken", guess)
		}
	})
}
