package main

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"strings"

	"alta/pipeline"
)

// roleArgument is the first argument of this program when it is one of the
// processes that it measures or measures with.
const roleArgument = "role"

// exitStatus is an error that is only an exit status: everything was said.
type exitStatus int

func (s exitStatus) Error() string { return fmt.Sprintf("exit status %d", int(s)) }

// playRole is what a child process of the bench does.
func playRole(ctx context.Context, args []string, now pipeline.Clock) error {
	name := args[0]
	task, err := readTask(args[1:])
	if err != nil {
		return fmt.Errorf("role %s: %w", name, err)
	}
	switch name {
	case "api":
		err = playAPI(task, now)
	case "catcher":
		err = playCatcher(now)
	case "go-mail":
		err = playGoMail(ctx, task, now)
	case "loop":
		err = playLoop(ctx, task, now)
	case "pull":
		err = playPull(ctx, task, now)
	case "pull-shared":
		err = playPullShared(ctx, task, now)
	case "profiled":
		return playProfiled(ctx, task)
	default:
		err = fmt.Errorf("there is no such role")
	}
	if err != nil {
		return fmt.Errorf("role %s: %w", name, err)
	}
	return nil
}

// readTask reads the one argument of a role; "" is a role without any.
func readTask(args []string) (t task, err error) {
	if len(args) != 1 {
		return t, fmt.Errorf("%d arguments, expected the task", len(args))
	}
	return t, json.Unmarshal([]byte(args[0]), &t)
}

// task is all that a role may need to know.
type task struct {
	SMTP     string   `json:"smtp,omitempty"` // host:port
	API      string   `json:"api,omitempty"`  // base URL
	Noop     bool     `json:"noop,omitempty"` // go-mail's default: a NOOP before each mail
	Mails    int      `json:"mails,omitempty"`
	Latency  string   `json:"latency,omitempty"`
	People   string   `json:"people,omitempty"` // a CSV file
	Ledger   string   `json:"ledger,omitempty"` // an SQLite file, or the URL of a database
	Profile  string   `json:"profile,omitempty"`
	Defaults string   `json:"defaults,omitempty"` // alta's config.toml
	Args     []string `json:"args,omitempty"`     // of alta
}

// answer is what a measured role prints.
type answer struct {
	Seconds float64   `json:"seconds"` // of the work alone, without the start of the process
	Pulls   []float64 `json:"pulls,omitempty"`
}

func (a answer) print() error { return json.NewEncoder(os.Stdout).Encode(a) }

// serveCounts says where the server of a role listens, and then, for each line
// on standard input, how much it has served. It returns when the input ends: a
// server does not outlive the bench, however that ends.
func serveCounts(address string, count func() int) error {
	if _, err := fmt.Println(address); err != nil {
		return err
	}
	for in := bufio.NewReader(os.Stdin); ; {
		line, err := in.ReadString('\n')
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
		if strings.TrimSpace(line) == askCount {
			if _, err := fmt.Println(count()); err != nil {
				return err
			}
		}
	}
}

const askCount = "count"
