package app

import (
	"bytes"
	"strings"
)

// overheard is what one connection says to the mail server.
type overheard struct {
	*onlooker
	line  []byte
	since int64 // the size of the diary when the line began

	to      string
	message bool  // the lines are a message's
	unnamed bool  // its Message-ID has not come yet
	began   int64 // as since, of its first line
}

// Write gets what was said, before the server does.
func (o *overheard) Write(p []byte) (int, error) {
	now := o.sizeOfDiary()
	for rest := p; len(rest) > 0; {
		if len(o.line) == 0 {
			o.since = now
		}
		end := bytes.IndexByte(rest, '\n') + 1
		if end == 0 {
			o.line = append(o.line, rest...)
			break
		}
		o.hear(string(append(o.line, rest[:end]...)))
		o.line, rest = o.line[:0], rest[end:]
	}
	return len(p), nil
}

func (o *overheard) hear(line string) {
	id, named := strings.CutPrefix(line, "Message-ID: <")
	to, recipient := strings.CutPrefix(line, "RCPT TO:<")
	switch {
	case o.message:
		if o.began == 0 {
			o.began = o.since
		}
		o.message = line != ".\r\n"
		if o.unnamed && (named || !o.message) {
			o.unnamed = false
			id, _, _ = strings.Cut(id, ">")
			o.note(sighting{step: beginning, user: o.to, mail: id, diary: o.began})
		}
	case recipient:
		o.to, _, _ = strings.Cut(to, ">")
		o.note(sighting{step: offering, user: o.to, diary: o.since})
	case line == "DATA\r\n":
		o.message, o.unnamed, o.began = true, true, 0
	}
}

// watched is a program's output, of which each line is seen when it comes.
type watched struct {
	all bytes.Buffer
	see func(line string)
	cut []byte // the line that has not ended
}

func (o *watched) Write(p []byte) (int, error) {
	o.all.Write(p)
	o.cut = append(o.cut, p...)
	for {
		line, rest, ended := bytes.Cut(o.cut, []byte("\n"))
		if !ended {
			return len(p), nil
		}
		o.see(string(line))
		o.cut = rest
	}
}
