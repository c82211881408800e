package mailer

import (
	"errors"
	"strings"

	"alta/pipeline"
)

// The fields of one-click unsubscription, RFC 8058, section 3.1.
const (
	unsubscribeField     = "List-Unsubscribe"
	unsubscribePostField = "List-Unsubscribe-Post"
)

// appendUnsubscribe appends the fields by which a mail program shows a button of its
// own that unsubscribes with one click (RFC 8058), and none for a mail without the
// address. A mail with them is signed by DKIM, where there is a key, or programs
// show no button.
func appendUnsubscribe(dst []byte, at pipeline.Secret) ([]byte, error) {
	if at.IsZero() {
		return dst, nil
	}
	url := at.Reveal()
	if !strings.HasPrefix(url, "http") || strings.ContainsFunc(url, func(r rune) bool { return r <= ' ' || r > '~' || r == '<' || r == '>' || r == ',' }) {
		return nil, errors.New("it is no URL that a header can hold")
	}
	f := begin(dst, unsubscribeField)
	f.word("<" + url + ">")
	return append(f.dst, "\r\n"+unsubscribePostField+": List-Unsubscribe=One-Click\r\n"...), nil
}
