package api

import (
	"strings"
	"testing"
	"time"
)

func TestQuery(t *testing.T) {
	for _, c := range []struct{ sentence, raw, says string }{
		{"what is known is read", "n=3&at=2026-05-03T14:00:00Z&word=a", ""},
		{"nothing is needed", "", ""},
		{"an unknown parameter is refused, with those that there are", "m=3", `"m" is unknown. This path knows n, at, word`},
		{"so is one that stands twice", "n=3&n=4", "n stands 2 times"},
		{"so is a number that is none", "n=three", "n must be a whole number from 1 to 5"},
		{"so is one that is too large", "n=6", "n must be a whole number from 1 to 5"},
		{"so is one that is too small", "n=0", "n must be a whole number from 1 to 5"},
		{"so is a time that is none", "at=tomorrow", "at must be a time"},
		{"the last time but for a day is read", "at=9999-12-30T23:59:59Z", ""},
		{"a later one is refused", "at=9999-12-31T00:00:00Z", "at must lie in the years from 0001 on, and before 9999-12-31"},
		{"so is one that is later in UTC", "at=9999-12-30T23:59:59-06:00", "before 9999-12-31"},
		{"so is one that is of no year in UTC", "at=0001-01-01T00:00:00%2B01:00", "at must lie in the years from 0001 on"},
		{"so is a word that is none", "word=c", "word must be one of a, b"},
		{"so is what is no UTF-8", "word=%ff", "word is not valid UTF-8"},
		{"so is an escape that is none", "word=%zz", "can't be read"},
	} {
		t.Run(c.sentence, func(t *testing.T) {
			q := readQuery(c.raw, "n", "at", "word")
			q.number("n", 1, 5)
			q.time("at", time.Time{})
			oneOf(q, "word", []string{"a", "b"})
			switch {
			case c.says == "" && q.err != nil:
				t.Error(q.err)
			case c.says != "" && (q.err == nil || !strings.Contains(q.err.Error(), c.says)):
				t.Errorf("got %v, expected %q", q.err, c.says)
			}
		})
	}
}
