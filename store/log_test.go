package store

import (
	"bytes"
	"strings"
	"testing"
)

func TestALogThatIsNoneIsRefusedAndLeftAsItIs(t *testing.T) {
	for _, c := range []struct {
		name    string
		log     []byte
		refused bool
	}{
		{"no log", nil, false},
		{"a log that was just made", []byte{}, false},
		{"one that is too short to hold anything", []byte("garbage"), false},
		{"zeros, which a power cut can leave", make([]byte, 8192), false},
		{"garbage", bytes.Repeat([]byte("garbage "), 1024), true},
	} {
		t.Run(c.name, func(t *testing.T) {
			path := newPath(t)
			makeLedger(t, path)
			if c.log != nil {
				fileOf(c.log)(t, path+"-wal")
			}
			s, err := Open(t.Context(), path)
			if err == nil {
				err = s.Check(t.Context())
				if closeErr := s.Close(); closeErr != nil {
					t.Error(closeErr)
				}
			}
			if !c.refused && err != nil {
				t.Errorf("error is %v, want the ledger to open", err)
			}
			if !c.refused {
				return
			}
			if err == nil || !strings.Contains(err.Error(), path+"-wal is damaged") {
				t.Errorf("error is %v, want that the log is damaged", err)
			}
			if !bytes.Equal(contents(t, path+"-wal"), c.log) {
				t.Error("its bytes changed")
			}
		})
	}
}

// The log of a process that was killed is one, and what stands in it counts.
func TestTheLogOfAProcessThatDiedIsRead(t *testing.T) {
	path := newPath(t)
	s := openAt(t, path)
	enrolIDs(t, s, "ana")
	died := newPath(t)
	for _, suffix := range []string{"", "-wal"} {
		fileOf(contents(t, path+suffix))(t, died+suffix)
	}
	if n := count(t, openAt(t, died), `SELECT count(*) FROM users`); n != 1 {
		t.Errorf("%d users, want the one in the log", n)
	}
}
