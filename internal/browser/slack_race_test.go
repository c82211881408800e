//go:build race

package browser

// slack is how many times longer than promised an answer may take: where the race
// detector is, many tests share the machine.
const slack = 5
