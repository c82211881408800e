package roster

import (
	"bufio"
	"database/sql"
	"fmt"
	"io"
	"net/url"
	"os"
	"os/exec"
	"strings"
	"testing"

	_ "github.com/mattn/go-sqlite3"
)

// ownerEnv makes the test binary play the partner's application, which has the
// database open in a process of its own.
const ownerEnv = "ROSTER_TEST_OWNER"

// ownDatabase executes SQL from standard input, one statement a line, and
// answers each with a line.
func ownDatabase(path string) int {
	dsn := url.URL{Scheme: "file", OmitHost: true, Path: path}
	db, err := sql.Open("sqlite3", dsn.String())
	if err != nil {
		fmt.Println(err)
		return 1
	}
	db.SetMaxOpenConns(1)
	in := bufio.NewScanner(os.Stdin)
	in.Buffer(nil, 8<<20)
	for in.Scan() {
		if _, err := db.Exec(in.Text()); err != nil {
			fmt.Println(err)
		} else {
			fmt.Println("ok")
		}
	}
	if err := db.Close(); err != nil {
		fmt.Println(err)
		return 1
	}
	return 0
}

// owner is the partner's application.
type owner struct {
	t   *testing.T
	cmd *exec.Cmd
	in  io.WriteCloser
	out *bufio.Reader
}

func startOwner(t *testing.T, path string) *owner {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(self)
	// The race detector would keep each process for another second at its end.
	cmd.Env = append(os.Environ(), ownerEnv+"="+path, "GORACE=atexit_sleep_ms=0")
	cmd.Stderr = os.Stderr
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	o := &owner{t: t, cmd: cmd, in: in, out: bufio.NewReader(out)}
	t.Cleanup(func() {
		if o.cmd.ProcessState == nil {
			o.crash()
		}
	})
	return o
}

func (o *owner) exec(statements ...string) {
	o.t.Helper()
	for _, s := range statements {
		if _, err := io.WriteString(o.in, s+"\n"); err != nil {
			o.t.Fatal(err)
		}
		answer, err := o.out.ReadString('\n')
		if err != nil || strings.TrimSpace(answer) != "ok" {
			o.t.Fatalf("%s: %s %v", s, answer, err)
		}
	}
}

// close ends the application in good order.
func (o *owner) close() {
	o.t.Helper()
	_ = o.in.Close()
	if err := o.cmd.Wait(); err != nil {
		o.t.Fatal(err)
	}
}

// crash ends the application by a signal that it can't handle.
func (o *owner) crash() {
	_ = o.cmd.Process.Kill()
	_ = o.cmd.Wait()
}
