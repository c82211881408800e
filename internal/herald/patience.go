package herald

import "time"

// waits are how long it takes until an event is told again: some three days in all,
// as long as somebody may take to mend a receiver over a weekend.
func waits() []time.Duration {
	w := []time.Duration{
		5 * time.Second, 30 * time.Second, 2 * time.Minute, 10 * time.Minute, 30 * time.Minute,
		time.Hour, 2 * time.Hour, 4 * time.Hour,
	}
	for range 8 {
		w = append(w, longestWait)
	}
	return w
}

// longestWait bounds the wait, and what a receiver may ask for.
const longestWait = 8 * time.Hour

// waitAfter is the wait after that many tries, and false once it was enough of them.
// luck, from 0 to 1, spreads it over 90 to 110 percent, so that what failed together
// does not come back together. asked is what the receiver asked for; 0 for nothing.
func waitAfter(tries int, luck float64, asked time.Duration) (time.Duration, bool) {
	all := waits()
	if tries < 1 || tries > len(all) {
		return 0, false
	}
	wait := time.Duration(float64(all[tries-1]) * (0.9 + 0.2*luck))
	return max(wait, min(asked, longestWait)), true
}
