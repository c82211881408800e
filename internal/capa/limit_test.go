package capa

import "testing"

func TestLimit(t *testing.T) {
	const (
		well  = iota // a call that went well while all places were taken
		idle         // one that went well while places were free
		cut          // an overload, of a call that began after the latest cut
		stale        // an overload, of one that began before it
	)
	type steps []struct{ what, times int }
	for _, c := range []struct {
		sentence string
		most     int
		steps    steps
		want     int
	}{
		{"It begins low.", 384, nil, 16},
		{"It begins with all there is, if that is less.", 8, nil, 8},
		{"One call at a time is allowed.", 1, nil, 1},
		{"Until the first trouble each call that goes well adds one.", 384, steps{{well, 16}}, 32},
		{"It never exceeds what is configured.", 20, steps{{well, 1000}}, 20},
		{"A limit that nobody comes up against does not grow.", 384, steps{{idle, 1000}}, 16},
		{"An overload cuts it to half.", 384, steps{{well, 48}, {cut, 1}}, 32},
		{"One of many calls that were under way together counts.", 384, steps{{well, 48}, {cut, 1}, {stale, 63}}, 32},
		{"It is never below one.", 384, steps{{cut, 10}}, 1},
		{"After an overload a window of calls adds one.", 384, steps{{cut, 1}, {well, 8}}, 9},
		{"A window of calls is needed, and nearly one is not enough.", 384, steps{{cut, 1}, {well, 7}}, 8},
		{"The windows grow with it.", 384, steps{{cut, 1}, {well, 8 + 9 + 10}}, 11},
		{"A second overload takes back what was won.", 384, steps{{cut, 1}, {well, 8 + 9}, {cut, 1}}, 5},
		{"A window that was begun before an overload is forgotten.", 384, steps{{cut, 1}, {well, 7}, {cut, 1}, {well, 3}}, 4},
		{"From one it comes back.", 16, steps{{cut, 10}, {well, 1 + 2 + 3}}, 4},
		{"It comes back to what is configured and no further.", 16, steps{{cut, 1}, {well, 1000}}, 16},
	} {
		t.Run(c.sentence, func(t *testing.T) {
			l := newLimit(c.most)
			for _, s := range c.steps {
				for range s.times {
					switch s.what {
					case well, idle:
						l.answered(s.what == well)
					case cut:
						l.overloaded(l.cuts)
					case stale:
						l.overloaded(l.cuts - 1)
					}
					if l.now < 1 || l.now > c.most {
						t.Fatalf("the limit is %d, want 1 to %d", l.now, c.most)
					}
				}
			}
			if l.now != c.want {
				t.Errorf("the limit is %d, want %d", l.now, c.want)
			}
		})
	}
}
