//go:build !race

package browser

// slack is how many times longer than promised an answer may take.
const slack = 1
