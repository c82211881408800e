package sandbox

import (
	"fmt"
	"strings"
)

// SMTPStage is a moment of the SMTP conversation at which a fault can happen:
// right before the server would answer.
type SMTPStage string

// The stages, in the order in which a client meets them.
const (
	AtBanner   SMTPStage = "banner"
	AtEhlo     SMTPStage = "ehlo" // HELO too
	AtStartTLS SMTPStage = "starttls"
	AtAuth     SMTPStage = "auth"
	AtMail     SMTPStage = "mail"
	AtRcpt     SMTPStage = "rcpt"
	AtData     SMTPStage = "data"
	AtBody     SMTPStage = "body"     // after the first line of the message
	AtDot      SMTPStage = "dot"      // after the final dot; the mail is not kept
	AtAccepted SMTPStage = "accepted" // the mail is kept; the answer is at stake
	AtRset     SMTPStage = "rset"
	AtNoop     SMTPStage = "noop"
	AtQuit     SMTPStage = "quit"
)

// smtpStageOf returns the stage of a command in upper case, empty if it has
// none.
func smtpStageOf(verb string) SMTPStage {
	switch verb {
	case "EHLO", "HELO":
		return AtEhlo
	case "STARTTLS", "AUTH", "MAIL", "RCPT", "DATA", "RSET", "NOOP", "QUIT":
		return SMTPStage(strings.ToLower(verb))
	}
	return ""
}

// SMTPAction is what goes wrong at a stage.
type SMTPAction string

// The actions.
const (
	SMTPRefuse SMTPAction = "refuse" // answer with Code, Enhanced and Text; 421 closes too
	SMTPStall  SMTPAction = "stall"  // say nothing more and read nothing more
	SMTPCut    SMTPAction = "cut"    // reset the TCP connection
	SMTPRaw    SMTPAction = "raw"    // write Text as it is instead of the answer
	SMTPFlood  SMTPAction = "flood"  // answer with one line that never ends
)

// SMTPFault is a fault on demand.
type SMTPFault struct {
	Stage  SMTPStage
	Action SMTPAction

	// Nth makes the fault happen only at the n-th matching passage of the
	// stage, counted from 1 over all connections; 0 is every passage.
	Nth int
	// Recipient limits the fault to mails to this address; it counts from
	// AtRcpt to AtAccepted.
	Recipient string

	Code     int    // for SMTPRefuse; 0 is 451
	Enhanced string // for SMTPRefuse, for example "5.1.1"; empty sends none
	Text     string // for SMTPRefuse and SMTPRaw
}

// reply is the answer of SMTPRefuse. Each line of the text becomes one of the
// reply.
func (f SMTPFault) reply() string {
	code := f.Code
	if code == 0 {
		code = 451
	}
	text := f.Text
	if text == "" {
		text = "refused on demand"
	}
	enhanced := f.Enhanced
	if enhanced != "" {
		enhanced += " "
	}
	lines := strings.Split(text, "\n")
	var b strings.Builder
	for i, line := range lines {
		mark := "-"
		if i == len(lines)-1 {
			mark = " "
		}
		fmt.Fprintf(&b, "%03d%s%s%s\r\n", code, mark, enhanced, line)
	}
	return b.String()
}

// smtpFaultCounter counts how often a planned fault met its stage.
type smtpFaultCounter struct {
	SMTPFault
	met int
}

// passes counts a passage of the stage and tells whether the fault is due.
func (c *smtpFaultCounter) passes(stage SMTPStage, recipient string) bool {
	if c.Stage != stage || c.Recipient != "" && !strings.EqualFold(c.Recipient, recipient) {
		return false
	}
	c.met++
	return c.Nth == 0 || c.Nth == c.met
}
