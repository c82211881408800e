package herald

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"strconv"
	"strings"
	"time"

	"alta/pipeline"
)

// secretPrefix begins a secret of Standard Webhooks.
const secretPrefix = "whsec_"

// How many bytes a secret has.
const (
	shortestSecret = 24
	longestSecret  = 64
)

// Key signs events.
type Key struct{ bytes []byte }

// ParseSecret reads a secret as Standard Webhooks has it: "whsec_" and 24 to 64 bytes
// in base64. The error never holds it.
func ParseSecret(text pipeline.Secret) (Key, error) {
	raw, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(text.Reveal(), secretPrefix))
	if !strings.HasPrefix(text.Reveal(), secretPrefix) || err != nil || len(raw) < shortestSecret || len(raw) > longestSecret {
		return Key{}, errors.New(`expected "whsec_" and 24 to 64 bytes in base64, as 'echo whsec_$(openssl rand -base64 32)' prints them`)
	}
	return Key{raw}, nil
}

// sign is the value of webhook-signature: HMAC-SHA256 over id, time and body.
func (k Key) sign(id string, at time.Time, body []byte) string {
	h := hmac.New(sha256.New, k.bytes)
	// A hash takes whatever it is given.
	_, _ = h.Write([]byte(id + "." + strconv.FormatInt(at.Unix(), 10) + "."))
	_, _ = h.Write(body)
	return "v1," + base64.StdEncoding.EncodeToString(h.Sum(nil))
}
