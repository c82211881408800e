package app

import (
	"testing"
	"time"

	"alta/internal/fleet"
	"alta/pipeline"
)

// A machine for which no connection to the partner API is left sends no mail, and still
// mints for whoever clicks there: the proxy chooses the machine, and the user waits.
// Without lasting links only mails are minted for, and it makes no call.
func TestAMachineWithoutAShareStillMintsForClicks(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		sentence string
		settings []string
		waits    bool
	}{
		{"with lasting links", []string{withBase, withListener}, false},
		{"without", nil, true},
	} {
		t.Run(c.sentence, func(t *testing.T) {
			clock := &testClock{at: moment(t, "2026-03-02T18:00:00Z")}
			w := newWorld(t, clock.now, append(c.settings, "capa.connections = 2", "smtp.connections = 2")...)
			w.alta(0, "users", "add", "--id", "u-1", "--email", "ana@correo.example", "--name", "Ana", "--country", "MX")
			m := &machine{engine: w.publicEngine()}
			if m.Divide(fleet.Share{Machine: 5, Machines: 9}) {
				t.Error("the machine takes mails without a connection for them")
			}
			opened := make(chan error, 1)
			go func() {
				_, _, err := m.opener().Open(t.Context(), pipeline.Holder{UserID: "u-1"})
				opened <- err
			}()
			if c.waits {
				// It waits for a turn until it is given one.
				w.eventually("the call to stand in line", func() bool { return w.number(`SELECT count(*) FROM sessions WHERE state = 'minting'`) == 1 })
				if n := w.api.Calls(); n != 0 {
					t.Errorf("%d calls without a share", n)
				}
				m.Divide(fleet.Share{Machine: 0, Machines: 1})
			}
			select {
			case err := <-opened:
				check(t, err)
			case <-time.After(30 * time.Second):
				t.Fatal("nothing was opened")
			}
			if n := len(w.api.Mints()); n != 1 {
				t.Errorf("%d links were minted, want one", n)
			}
		})
	}
}
