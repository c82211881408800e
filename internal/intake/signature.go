package intake

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"

	"alta/pipeline"
)

// Header carries the signature of a webhook.
const Header = "capa-signature"

// Sign returns the signature of the body as [Header] has it: its HMAC-SHA256
// (RFC 2104) in lower-case hex.
func Sign(secret pipeline.Secret, body []byte) string {
	return hex.EncodeToString(mac(secret, body))
}

// keys are the secrets that a webhook may be signed with, none of them zero:
// anybody can sign with an empty one.
type keys []pipeline.Secret

func newKeys(secrets []pipeline.Secret) keys {
	var all keys
	for _, s := range secrets {
		if !s.IsZero() {
			all = append(all, s)
		}
	}
	return all
}

// signed tells whether the one value of the header, hex of either case, signs
// the body with one of the keys. How long it takes says neither with which nor
// how much of a signature was right.
func (k keys) signed(body []byte, header []string) bool {
	if len(header) != 1 {
		return false
	}
	given, err := hex.DecodeString(header[0])
	if err != nil {
		return false
	}
	good := false
	for _, secret := range k {
		// The comparison comes first, so that every key is compared.
		good = hmac.Equal(given, mac(secret, body)) || good
	}
	return good
}

func mac(secret pipeline.Secret, body []byte) []byte {
	h := hmac.New(sha256.New, []byte(secret.Reveal()))
	_, _ = h.Write(body) // it never fails: see hash.Hash
	return h.Sum(nil)
}
