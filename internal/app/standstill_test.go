package app

import (
	"bytes"
	"encoding/json"
	"syscall"
	"testing"
	"time"

	"alta/pipeline"
)

// A program that stands still for longer than it waits for the answers to its
// mails takes those that came meanwhile: no mail is in doubt while its
// connection lives.
func TestStoppedWhileMailsAreAnswered(t *testing.T) {
	t.Parallel()
	const patience = 4 * time.Second
	w := newWorld(t, time.Now, `smtp.timeout = "4s"`)
	people := w.importPeople(3)
	v := w.stopAfter(0)
	run, out := w.command("run", "--json"), &bytes.Buffer{}
	run.Stdout = out
	d := w.launch(run)
	v.wait(t, len(people))

	d.signal(syscall.SIGSTOP)
	w.eventually("it to stand still", func() bool {
		var status syscall.WaitStatus
		pid, err := syscall.Wait4(run.Process.Pid, &status, syscall.WUNTRACED|syscall.WNOHANG, nil)
		return err == nil && pid != 0 && status.Stopped()
	})
	v.release()
	limit := time.Now().Add(patience)
	w.eventually("every deadline to pass", func() bool { return time.Now().After(limit) })
	d.signal(syscall.SIGCONT)
	if status := d.wait(); status != 0 {
		t.Errorf("exit status %d", status)
	}
	var r pipeline.Report
	check(t, json.Unmarshal(out.Bytes(), &r))
	if r.Sent != len(people) || r.Doubt != 0 || len(w.smtp.Mails()) != len(people) {
		t.Errorf("%d mails, report %+v", len(w.smtp.Mails()), r)
	}
}
