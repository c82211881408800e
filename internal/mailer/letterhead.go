package mailer

import (
	"fmt"
	"sync"
)

// letterhead is what all mails of one sender share: the fields that name it, and
// the buffers in which mails are written.
type letterhead struct {
	from    []byte // the field From
	replyTo []byte // the field Reply-To, empty if there is none
	drafts  sync.Pool
}

// maxDraft is how much a buffer may have grown to be kept. One huge mail must
// not keep its memory for good.
const maxDraft = 128 << 10

// newLetterhead writes what every mail has of the sender and the configuration.
func newLetterhead(from address, cfg Config) (*letterhead, error) {
	l := &letterhead{from: appendAddress(nil, "From", from)}
	if cfg.ReplyTo.Address != "" {
		to, err := parseAddress(cfg.ReplyTo.Name, cfg.ReplyTo.Address)
		if err != nil {
			return nil, fmt.Errorf("reply_to: %w", err)
		}
		l.replyTo = appendAddress(nil, "Reply-To", to)
	}
	return l, nil
}

// draft lends a buffer until it is put back.
func (l *letterhead) draft() *[]byte {
	if d, kept := l.drafts.Get().(*[]byte); kept {
		return d
	}
	return new([]byte)
}

func (l *letterhead) putBack(d *[]byte) {
	if cap(*d) <= maxDraft {
		*d = (*d)[:0]
		l.drafts.Put(d)
	}
}
