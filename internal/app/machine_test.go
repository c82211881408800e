package app

import (
	"testing"
	"time"
)

func TestLongestMail(t *testing.T) {
	const timeouts = "smtp.timeout = '6s'\nsmtp.dot_timeout = '10s'\ncapa.timeout = '1s'\n" // 80 s for each mail
	for _, test := range []struct {
		sentence, text string
		want           time.Duration
	}{
		{"One worker waits for nobody.", timeouts + "plan.workers = 1", 80 * time.Second},
		{"Of many the last waits for all, since a machine may have one connection.", timeouts + "plan.workers = 16", 16 * 80 * time.Second},
		{"An answer to a mail is waited for at least as long as any other.", "smtp.timeout = '6s'\nsmtp.dot_timeout = '1s'\ncapa.timeout = '1s'\nplan.workers = 1", 76 * time.Second},
		{"A machine may have a small share of both rates.", timeouts + "plan.workers = 2\nsmtp.rate = 10\ncapa.rate = 5", 2 * 110 * time.Second},
		{"What a tiny rate makes of it has an end.", timeouts + "capa.rate = 0.0001", longestJob},
	} {
		t.Run(test.sentence, func(t *testing.T) {
			if got := longestMail(mustLoad(t, test.text)); got != test.want {
				t.Errorf("%s, want %s", got, test.want)
			}
		})
	}
}
