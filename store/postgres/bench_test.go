package postgres

import (
	"fmt"
	"testing"

	"alta/store"
)

// BenchmarkEnrol enrols five thousand users a call: newcomers, the same again, and
// with another name.
func BenchmarkEnrol(b *testing.B) {
	s := newStore(b)
	const n = 5000
	call := 0
	enrol := func(b *testing.B, prefix, name string) {
		users := numbered(prefix, n)
		for i := range users {
			users[i].Name = name
		}
		if _, err := s.Enrol(b.Context(), users, store.Imported, inviteAt(noon), noon); err != nil {
			b.Fatal(err)
		}
		call++
	}
	for _, kind := range []struct {
		name string
		call func(b *testing.B)
	}{
		{"newcomers", func(b *testing.B) { enrol(b, fmt.Sprint("new", call), "Name") }},
		{"unchanged", func(b *testing.B) { enrol(b, "same", "Name") }},
		{"changed", func(b *testing.B) { enrol(b, "changed", fmt.Sprint("Name ", call)) }},
	} {
		b.Run(kind.name, func(b *testing.B) {
			for b.Loop() {
				kind.call(b)
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/n, "ns/user")
		})
	}
}
