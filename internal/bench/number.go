package main

import (
	"math"
	"strconv"
)

// number writes a figure with three digits that count, or all of them before the
// point, in groups of three.
func number(v float64) string {
	digits := 0
	switch size := math.Abs(v); {
	case size == 0 || size >= 100:
	case size >= 10:
		digits = 1
	case size >= 1:
		digits = 2
	default:
		digits = min(2-int(math.Floor(math.Log10(size))), 6)
	}
	text := strconv.FormatFloat(v, 'f', digits, 64)
	if digits == 0 {
		return grouped(text)
	}
	return text
}

// grouped puts a comma after every three digits, counted from the right.
func grouped(digits string) string {
	sign := ""
	if len(digits) > 0 && digits[0] == '-' {
		sign, digits = "-", digits[1:]
	}
	for i := len(digits) - 3; i > 0; i -= 3 {
		digits = digits[:i] + "," + digits[i:]
	}
	return sign + digits
}
