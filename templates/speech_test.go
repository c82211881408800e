package templates

import (
	"testing"
	"time"

	"alta/pipeline"
)

// Pages speak as the mails do that lead to them, overridden voices with them.
func TestSpeech(t *testing.T) {
	informal, formal := load(t, ""), load(t, formalDir(t))
	for _, l := range locales() {
		if informal.Formal(l) || !formal.Formal(l) {
			t.Errorf("%s: the voice of voice.txt is not the one that is told", l)
		}
	}
	at := time.Date(2026, 11, 24, 20, 30, 0, 0, time.UTC).In(pipeline.User{TimeZone: "America/Tijuana"}.Location())
	for _, tt := range []struct {
		sentence string
		locale   pipeline.Locale
		want     string
	}{
		{"Mexico has 24 hours", pipeline.ESMX, "martes 24 de noviembre de 2026 a las 12:30 (hora de Tijuana)"},
		{"the Dominican Republic has 12", pipeline.ESDO, "martes 24 de noviembre de 2026 a las 12:30 p.\u00a0m. (hora de Tijuana)"},
		{"a locale without templates gets a time all the same", "xx", "2026-11-24T12:30:00-08:00"},
	} {
		if got := informal.SpellOut(tt.locale, at); got != tt.want {
			t.Errorf("%s: %q, want %q", tt.sentence, got, tt.want)
		}
	}
	if got := informal.GreetingName("Ana  María\n"); got != "Ana María" {
		t.Errorf("greeted as %q", got)
	}
	if got := informal.GreetingName("gana.example/premio"); got != "" {
		t.Errorf("a link is greeted: %q", got)
	}
}
