package capa

import (
	"fmt"
	"strings"
	"sync"
	"testing"
)

func TestStreaks(t *testing.T) {
	// A history is a line of users who fail, "ok" for a success; the outage,
	// if any, is the last word.
	tests := []struct {
		sentence string
		cause    cause
		history  string
		outage   bool
	}{
		{"Two strangers.", strangers, "a b", false},
		{"Three strangers.", strangers, "a b c", true},
		{"One stranger three times.", strangers, "a a a", false},
		{"Two strangers in turn.", strangers, "a b a b", false},
		{"A success in between.", strangers, "a b ok c", false},
		{"A success long ago.", strangers, "ok a ok a b c", true},
		{"After an outage, the same user.", strangers, "a b c c", false},
		{"After an outage, another user.", strangers, "a b c c d", true},
		{"After an outage and a success.", strangers, "a b c ok d e", false},
		{"One unknown 401.", unauthorized, "a", false},
		{"Two unknown 401.", unauthorized, "a b", true},
		{"Four users in trouble.", trouble, "a b c d", false},
		{"Five users in trouble.", trouble, "a b c d e", true},
		{"Two users without a link.", linkless, "a b", false},
		{"Three users without a link.", linkless, "a b c", true},
		{"Two users refused.", refused, "a b", false},
		{"Three users refused.", refused, "a b c", true},
		{"Two invalid inputs.", invalidInput, "a b", false},
		{"Three invalid inputs at the very start: nobody got through.", invalidInput, "a b c", true},
		{"A success does not undo an invalid input.", invalidInput, "a ok b ok c", true},
		{"The same user is one of them.", invalidInput, "a b a ok b a", false},
		{"Two of 50 are 4 %.", invalidInput, "a" + strings.Repeat(" ok", 48) + " b", false},
		{"Three of 50 are 6 %.", invalidInput, "a b" + strings.Repeat(" ok", 47) + " c", true},
		{"What is older than 50 answers is forgotten.", invalidInput, "a b" + strings.Repeat(" ok", 49) + " c", false},
		{"A success after an outage starts anew.", invalidInput, "a b c ok d e", false},
		{"After an outage, another user.", invalidInput, "a b c d", true},
	}
	for _, test := range tests {
		t.Run(test.sentence, func(t *testing.T) {
			s := newStreaks()
			var full bool
			for word := range strings.FieldsSeq(test.history) {
				if full = false; word == "ok" {
					s.succeed()
					continue
				}
				_, full = s.fail(word, test.cause)
			}
			if full != test.outage {
				t.Errorf("%s: outage %v, want %v", test.history, full, test.outage)
			}
		})
	}
	t.Run("Causes are counted apart, and together where one answer has two.", func(t *testing.T) {
		s := newStreaks()
		s.fail("a", trouble)
		s.fail("b", trouble)
		s.fail("c", linkless, trouble)
		if _, full := s.fail("d", linkless, trouble); full {
			t.Error("two without a link and four in trouble are no outage")
		}
		if known, full := s.fail("e", linkless, trouble); known || !full {
			t.Error("the fifth in trouble is one")
		}
	})
	t.Run("A long outage takes no more memory.", func(t *testing.T) {
		r, w := &row{limit: 5}, &window{}
		for n := range 1000 {
			r.fail(fmt.Sprint(n))
			w.fail(fmt.Sprint(n))
		}
		if len(r.users) != 5 || len(w.answers) != inputWindow {
			t.Errorf("kept %d and %d", len(r.users), len(w.answers))
		}
	})
	t.Run("Workers share it.", func(t *testing.T) {
		s := newStreaks()
		var outages sync.Map
		var workers sync.WaitGroup
		for n := range 20 {
			workers.Go(func() {
				if _, full := s.fail(fmt.Sprint(n), trouble); full {
					outages.Store(n, true)
				}
			})
		}
		workers.Wait()
		count := 0
		outages.Range(func(any, any) bool { count++; return true })
		if count != 16 {
			t.Errorf("%d of 20 users met the outage, want all from the fifth on", count)
		}
	})
}
