package mailer

import (
	"net"
	"testing"
)

// talker is a connection on which everything arrives at once and leaves at once.
type talker struct{ net.Conn }

func (talker) Read(p []byte) (int, error)  { return len(p), nil }
func (talker) Write(p []byte) (int, error) { return len(p), nil }

func TestWhatIsReadIsAcknowledgedOnce(t *testing.T) {
	tests := []struct {
		sentence string
		steps    string // r reads, w writes
		want     int
	}{
		{"The first read has nothing to acknowledge.", "r", 0},
		{"A write does it by itself.", "rwrwr", 0},
		{"Answers that come one by one.", "wrrr", 2},
		{"The answer to a message whose successor's envelope is out already.", "wwrr", 1},
	}
	for _, test := range tests {
		t.Run(test.sentence, func(t *testing.T) {
			got := 0
			s := &socket{Conn: talker{}, acknowledge: func() { got++ }}
			for _, step := range test.steps {
				s.renew()
				do := s.Read
				if step == 'w' {
					do = s.Write
				}
				if _, err := do(make([]byte, 1)); err != nil {
					t.Fatal(err)
				}
			}
			if got != test.want {
				t.Errorf("acknowledged %d times, want %d", got, test.want)
			}
		})
	}
}
