package mailer

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/mail"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"alta/pipeline"
)

// office is a mail server in few lines that does what a script says, which the
// sandbox can't: it looks at what has come before it answers, and its receipts
// name the recipient. It keeps a mail only when the dot has come.
type office struct {
	listener     net.Listener
	noPipelining bool
	deaf         bool // it does not write down what comes
	// script answers a command, or the final dot, in place of the office; ""
	// leaves it to the office, and cutOff ends the connection.
	script func(v *visit, at step) string

	served sync.WaitGroup
	mu     sync.Mutex
	visits []*visit
	mails  map[string]int // by recipient
}

// cutOff is a script's end of a connection.
const cutOff = "cut"

// visit is one connection to the office.
type visit struct {
	number int // counted from 1
	deaf   bool
	in     *bufio.Reader
	tcp    *net.TCPConn
	to     string // the recipient of this mail

	mu       sync.Mutex
	lines    []string // what came
	together bool     // RCPT came in the same write as MAIL
}

func (v *visit) said() []string {
	v.mu.Lock()
	defer v.mu.Unlock()
	return append([]string(nil), v.lines...)
}

// line reads one, and returns "" at the end.
func (v *visit) line() string {
	line, err := v.in.ReadString('\n')
	if line != "" && !v.deaf {
		v.mu.Lock()
		v.lines = append(v.lines, strings.TrimRight(line, "\r\n"))
		v.mu.Unlock()
	}
	if err != nil {
		return ""
	}
	return line
}

func openOffice(t testing.TB, o *office) Config {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	o.listener, o.mails = listener, map[string]int{}
	o.served.Go(func() {
		for {
			tcp, err := listener.Accept()
			if err != nil {
				return
			}
			o.mu.Lock()
			v := &visit{number: len(o.visits) + 1, deaf: o.deaf, in: bufio.NewReaderSize(tcp, 64<<10), tcp: tcp.(*net.TCPConn)}
			o.visits = append(o.visits, v)
			o.mu.Unlock()
			o.served.Go(func() {
				o.serve(v)
				_ = tcp.Close()
			})
		}
	})
	t.Cleanup(func() {
		_ = listener.Close()
		o.mu.Lock()
		for _, v := range o.visits {
			_ = v.tcp.Close()
		}
		o.mu.Unlock()
		o.served.Wait()
	})
	return Config{
		Host: "127.0.0.1", Port: listener.Addr().(*net.TCPAddr).Port, TLS: TLSNone,
		From: mail.Address{Address: "hola@mail.example.mx"}, Timeout: 20 * time.Second, DotTimeout: time.Millisecond, LocalName: "test",
	}
}

// connections returns how many were made.
func (o *office) connections() int {
	o.mu.Lock()
	defer o.mu.Unlock()
	return len(o.visits)
}

// visit returns one by its number, from 1.
func (o *office) visit(number int) *visit {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.visits[number-1]
}

// kept returns how many mails to the recipient came in whole.
func (o *office) kept(to string) int {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.mails[to]
}

func (o *office) serve(v *visit) {
	if !o.say(v, "220 office\r\n") {
		return
	}
	offers := "250-office\r\n250-8BITMIME\r\n250-PIPELINING\r\n250 DSN\r\n"
	if o.noPipelining {
		offers = strings.Replace(offers, "250-PIPELINING\r\n", "", 1)
	}
	for line := v.line(); line != ""; line = v.line() {
		var at step
		answer := "250 2.0.0 ok\r\n"
		switch verb, rest, _ := strings.Cut(strings.TrimSpace(line), " "); verb {
		case "EHLO":
			at, answer = atEHLO, offers
		case "RSET":
			at, v.to = atRSET, ""
		case "MAIL":
			at, v.to = atMAIL, ""
			v.mu.Lock()
			v.together = v.in.Buffered() > 0
			v.mu.Unlock()
		case "RCPT":
			at = atRCPT
			v.to, _, _ = strings.Cut(strings.TrimPrefix(rest, "TO:<"), "@")
		case "DATA":
			if at, answer = atDATA, "354 go on\r\n"; v.to == "" {
				answer = "554 5.5.1 no valid recipients\r\n"
			}
		case "QUIT":
			_ = o.say(v, "221 bye\r\n")
			return
		}
		answer = o.ask(v, at, answer)
		if at == atRCPT && !strings.HasPrefix(answer, "2") {
			v.to = ""
		}
		if !o.say(v, answer) {
			return
		}
		if at == atDATA && strings.HasPrefix(answer, "354") && !o.take(v) {
			return
		}
	}
}

// take reads a message and answers its dot.
func (o *office) take(v *visit) bool {
	for line := v.line(); line != dot; line = v.line() {
		if line == "" {
			return false
		}
	}
	o.mu.Lock()
	o.mails[v.to]++
	o.mu.Unlock()
	answer := o.ask(v, atDot, fmt.Sprintf("250 2.0.0 Ok: queued as %s\r\n", v.to))
	if !strings.HasPrefix(answer, "2") && answer != cutOff {
		o.mu.Lock()
		o.mails[v.to]-- // it says that it did not take it
		o.mu.Unlock()
	}
	return o.say(v, answer)
}

func (o *office) ask(v *visit, at step, answer string) string {
	if o.script != nil {
		if said := o.script(v, at); said != "" {
			return said
		}
	}
	return answer
}

func (o *office) say(v *visit, answer string) bool {
	if answer == cutOff {
		_ = v.tcp.SetLinger(0) // a reset
		return false
	}
	_, err := io.WriteString(v.tcp, answer)
	return err == nil && !strings.HasPrefix(answer, "421")
}

// to is a delivery to a user of the office.
func to(name string) *pipeline.Delivery {
	d := delivery(name + "@example.com")
	d.User.ID = name
	return d
}

// first tells whether this is the first mail of the visit.
func (v *visit) first() bool {
	v.mu.Lock()
	defer v.mu.Unlock()
	return !slices.Contains(v.lines, ".")
}

// pipelined tells whether the commands of an envelope came together.
func (v *visit) pipelined() bool {
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.together
}
