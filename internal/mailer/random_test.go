package mailer

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"alta/pipeline"
)

// Many senders, few connections, and a server that fails at random: whoever is
// told that his mail was taken is told so of his own mail, the server has it
// once, and it has none of a mail that was refused.
func TestEachMailGetsItsOwnAnswerWhateverHappens(t *testing.T) {
	const senders, each, connections = 16, 20, 3
	for _, noPipelining := range []bool{false, true} {
		for seed := range uint64(4) {
			t.Run(fmt.Sprintf("without PIPELINING: %v, seed %d", noPipelining, seed), func(t *testing.T) {
				var mu sync.Mutex
				random := rand.New(rand.NewPCG(seed, 1))
				o := &office{noPipelining: noPipelining}
				o.script = func(_ *visit, at step) string {
					mu.Lock()
					defer mu.Unlock()
					if at < atRSET || random.IntN(12) > 0 {
						return ""
					}
					faults := []string{cutOff, "421 4.3.2 bye\r\n", "450 4.2.1 not now\r\n", "what?\r\n", "550 5.2.1 no\r\n", "354 hm\r\n", "250 hm\r\n550 hm\r\n"}
					if at == atMAIL {
						faults = faults[:1] // the others stop everybody
					}
					return faults[random.IntN(len(faults))]
				}
				cfg := openOffice(t, o)
				cfg.Connections = connections
				m := newMailer(t, cfg)
				var sending sync.WaitGroup
				var sent atomic.Int32
				for s := range senders {
					sending.Go(func() {
						for n := range each {
							name := fmt.Sprintf("u%dx%d", s, n)
							receipt, begun, err := send(m, to(name))
							kind, kept := pipeline.AsFault(errors.Join(err, errors.New(""))).Kind, o.kept(name)
							switch {
							case begun == 0 && (err == nil || kept > 0):
								t.Errorf("%s was not begun: %v, the server has %d mails", name, err, kept)
							case err == nil:
								sent.Add(1)
								if kept != 1 || !strings.HasSuffix(receipt.Reply, " "+name) && receipt.Reply != "250 hm" {
									t.Errorf("%s: receipt %q, %d mails", name, receipt.Reply, kept)
								}
							case kind != pipeline.Doubt && kept != 0:
								t.Errorf("%s: %v, but the server has %d mails", name, err, kept)
							case kept > 1:
								t.Errorf("%s: the server has %d mails", name, kept)
							}
						}
					})
				}
				sending.Wait()
				if n := sent.Load(); n < senders*each/3 {
					t.Errorf("%d of %d mails were sent", n, senders*each)
				}
				m.pool.mu.Lock()
				defer m.pool.mu.Unlock()
				if m.pool.busy != 0 || m.pool.opening != 0 || len(m.pool.ready) != 0 || len(m.pool.waiting) != 0 || len(m.pool.idle) > connections {
					t.Errorf("left over: %d busy, %d opening, %d ready, %d waiting, %d idle", m.pool.busy, m.pool.opening, len(m.pool.ready), len(m.pool.waiting), len(m.pool.idle))
				}
			})
		}
	}
}

func BenchmarkSend(b *testing.B) {
	for _, offer := range []string{"with PIPELINING", "without PIPELINING"} {
		b.Run(offer, func(b *testing.B) {
			o := &office{noPipelining: offer == "without PIPELINING", deaf: true}
			cfg := openOffice(b, o)
			cfg.Connections = 8
			m, err := New(cfg, noon)
			if err != nil {
				b.Fatal(err)
			}
			d := to("ana")
			b.ReportAllocs()
			b.SetParallelism(32)
			b.RunParallel(func(pb *testing.PB) {
				for pb.Next() {
					if _, _, err := send(m, d); err != nil {
						b.Error(err)
						return
					}
				}
			})
			_ = m.Close()
		})
	}
}
