package main

import (
	"math"
	"testing"

	"github.com/google/pprof/profile"
)

func TestStageOf(t *testing.T) {
	tests := []struct {
		sentence string
		stack    []frame // the innermost first
		want     stage
	}{
		{"A call of the partner API.", []frame{{"net/http.(*Client).do", "client.go"}, {"alta/internal/capa.(*Client).Issue", "client.go"}, {"alta/pipeline.Issue.func1", "issue.go"}}, stageMint},
		{"The transport of that call, in a goroutine of its own.", []frame{{"internal/runtime/syscall.Syscall6", "asm.s"}, {"net/http.(*persistConn).readLoop", "transport.go"}}, stageMint},
		{"A template.", []frame{{"text/template.(*state).walk", "exec.go"}, {"alta/templates.(*Set).Render", "templates.go"}, {"alta/pipeline.Render.func1", "render.go"}}, stageRender},
		{"Memory for a template is the template's.", []frame{{"runtime.mallocgc", "malloc.go"}, {"alta/templates.(*Set).Render", "templates.go"}}, stageRender},
		{"A message is built.", []frame{{"github.com/wneessen/go-mail.(*Msg).WriteTo", "msg.go"}, {"alta/internal/mailer.(*Mailer).build", "message.go"}, {"alta/internal/mailer.(*Mailer).Send", "mailer.go"}}, stageBuild},
		{"A message is sent.", []frame{{"net.(*conn).Write", "net.go"}, {"alta/internal/mailer.(*connection).transact", "connection.go"}, {"alta/internal/mailer.(*Mailer).Send", "mailer.go"}}, stageTransmit},
		{"The ledger, asked in the middle of a send.", []frame{{"alta/store.(*Store).write", "commit.go"}, {"alta/store.(*Queue).Begin", "begin.go"}, {"alta/pipeline.Send.func1.1", "send.go"}, {"alta/internal/mailer.(*Mailer).Send", "mailer.go"}}, stageLedger},
		{"SQLite in the goroutine of its own.", []frame{{"runtime.cgocall", "cgocall.go"}, {"github.com/mattn/go-sqlite3._Cfunc_sqlite3_step", "_cgo_gotypes.go"}, {"database/sql.(*Tx).Exec", "sql.go"}}, stageLedger},
		{"The run itself.", []frame{{"sync.(*Mutex).Lock", "mutex.go"}, {"alta/pipeline.(*run).note", "run.go"}}, stageLoop},
		{"The collector in the background.", []frame{{"runtime.scanobject", "mgcmark.go"}, {"runtime.gcDrain", "mgcmark.go"}, {"runtime.gcBgMarkWorker", "mgc.go"}}, stageGarbage},
		{"The collector that a stage has to help.", []frame{{"runtime.gcAssistAlloc", "mgcmark.go"}, {"runtime.mallocgc", "malloc.go"}, {"alta/templates.(*Set).Render", "templates.go"}}, stageGarbage},
		{"The scheduler.", []frame{{"runtime.epollwait", "sys.s"}, {"runtime.netpoll", "netpoll.go"}, {"runtime.findRunnable", "proc.go"}, {"runtime.mcall", "asm.s"}}, stageScheduler},
		{"A library that no stage owns.", []frame{{"log/slog.(*Logger).log", "logger.go"}}, stageLoop},
		{"No stack at all.", nil, stageLoop},
	}
	for _, test := range tests {
		t.Run(test.sentence, func(t *testing.T) {
			if got := stageOf(test.stack); got != test.want {
				t.Errorf("%q, want %q", got, test.want)
			}
		})
	}
}

// The samples of a profile share what the kernel counted, and an inlined function
// counts as one that was called.
func TestStagesShareWhatWasSpent(t *testing.T) {
	at := func(names ...string) *profile.Location {
		l := &profile.Location{}
		for _, name := range names {
			l.Line = append(l.Line, profile.Line{Function: &profile.Function{Name: name, Filename: "/somewhere/file.go"}})
		}
		return l
	}
	p := &profile.Profile{Sample: []*profile.Sample{
		{Value: []int64{3, 30}, Location: []*profile.Location{at("strings.Fields", "alta/templates.(*Set).Render"), at("alta/pipeline.Render.func1")}},
		{Value: []int64{1, 10}, Location: []*profile.Location{at("alta/store.(*Store).write")}},
	}}
	s := shares(weigh(p), 200)
	if s[stageRender] != 150 || s[stageLedger] != 50 || math.Abs(s.total()-200) > 1e-9 {
		t.Errorf("%v", s)
	}
	if s := shares(nil, 200); s.total() != 0 {
		t.Errorf("no samples: %v", s)
	}
}
