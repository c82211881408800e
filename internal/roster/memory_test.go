package roster

import (
	"fmt"
	"io"
	"math"
	"runtime"
	"strings"
	"testing"
)

// endless yields text made by next until it returns "".
type endless struct {
	next func() string
	text string
}

func (e *endless) Read(p []byte) (int, error) {
	if e.text == "" {
		if e.text = e.next(); e.text == "" {
			return 0, io.EOF
		}
	}
	n := copy(p, e.text)
	e.text = e.text[n:]
	return n, nil
}

// csvOf yields a header and n rows, each made by row.
func csvOf(n int, row func(i int) string) io.Reader {
	i := 0
	return &endless{text: "id,email,name,country,time_zone\n", next: func() string {
		if i++; i > n {
			return ""
		}
		return row(i)
	}}
}

func goodRow(i int) string {
	return fmt.Sprintf("0d3f2b9e-6c1a-4f0e-9a53-%012d,user%d@example.mx,\"Peña, Ana\",MX,America/Tijuana\r\n", i, i)
}

func TestReadTakesConstantMemory(t *testing.T) {
	const (
		n       = 25_000
		allowed = 1 << 20 // a fraction of what the rows take together
	)
	for _, tt := range []struct {
		it   string
		row  func(i int) string
		want int // good rows
	}{
		{"with good rows", goodRow, n},
		{"with bad rows", func(i int) string { return fmt.Sprintf("%d,%0200d,,US,\n", i, i) }, 0},
		{"with an open quote in the first row", func(i int) string {
			if i == 1 {
				return "a1,\"ana@example.mx,Ana,MX,\n"
			}
			return fmt.Sprintf("%d,user@example.mx,Ana,MX,\n", i)
		}, n - 1},
		{"with one endless line", func(int) string { return strings.Repeat("x", 500) }, 0},
		{"with one endless quoted cell of short lines", func(i int) string {
			if i == 1 {
				return "\""
			}
			return strings.Repeat("x", 49) + "\n"
		}, 0},
	} {
		t.Run(tt.it, func(t *testing.T) {
			least, most := uint64(math.MaxUint64), uint64(0)
			watched := func(i int) string {
				if i%(n/5) == 1 {
					runtime.GC()
					var m runtime.MemStats
					runtime.ReadMemStats(&m)
					least, most = min(least, m.HeapAlloc), max(most, m.HeapAlloc)
				}
				return tt.row(i)
			}
			good := 0
			err := Read(csvOf(n, watched), func(Row) error { good++; return nil }, func(Problem) {})
			if err != nil {
				t.Fatal(err)
			}
			if good != tt.want {
				t.Errorf("%d good rows, want %d", good, tt.want)
			}
			if most-least > allowed {
				t.Errorf("memory grew by %d KiB", (most-least)>>10)
			}
		})
	}
}

func BenchmarkReadCSV(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		good := 0
		err := Read(csvOf(100_000, goodRow), func(Row) error { good++; return nil }, func(Problem) {})
		if err != nil || good != 100_000 {
			b.Fatal(good, err)
		}
	}
}

func BenchmarkReadJSONLines(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		good, i := 0, 0
		text := &endless{next: func() string {
			if i++; i > 100_000 {
				return ""
			}
			return object(`,"time_zone":"America/Tijuana"`)
		}}
		err := Read(text, func(Row) error { good++; return nil }, func(Problem) {})
		if err != nil || good != 100_000 {
			b.Fatal(good, err)
		}
	}
}
