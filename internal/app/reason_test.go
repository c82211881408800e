package app

import (
	"strings"
	"testing"
)

func TestCheckReason(t *testing.T) {
	for _, tt := range []struct {
		it, reason, want string
	}{
		{"takes none", "", ""},
		{"takes a line of text", "pidió su enlace por teléfono; ticket #4711", ""},
		{"takes 500 characters", strings.Repeat("ñ", 500), ""},
		{"refuses 501 characters", strings.Repeat("ñ", 501), "at most 500"},
		{"refuses a line break", "a\nb", "one line"},
		{"refuses a line separator", "a\u2028b", "one line"},
		{"refuses the escape of a terminal", "a\x1b[31m", "one line"},
		{"refuses its one-character form", "a\u009b31m", "one line"},
		{"refuses an override of the direction", "a\u202eb", "one line"},
		{"refuses bytes that are not UTF-8", "a\xff", "one line"},
	} {
		t.Run(tt.it, func(t *testing.T) {
			err := checkReason(tt.reason)
			if (err == nil) != (tt.want == "") || err != nil && !strings.Contains(err.Error(), tt.want) {
				t.Errorf("error = %v, want %q", err, tt.want)
			}
		})
	}
}
