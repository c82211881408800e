package app

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"

	"alta/internal/roster"
	"alta/pipeline"
)

// spool keeps users on disk between reading the source and taking them in, so
// that the partner's database is locked only while it is read, and memory stays
// flat. Its file has no name from the start: nothing is left behind, whatever
// happens.
type spool struct {
	file *os.File
	out  *bufio.Writer
	enc  *json.Encoder
	size int
}

func newSpool() (*spool, error) {
	file, err := os.CreateTemp("", "alta-source-")
	if err != nil {
		return nil, fmt.Errorf("make a spool file: %w", err)
	}
	if err := os.Remove(file.Name()); err != nil {
		return nil, fmt.Errorf("make a spool file: %w", errors.Join(err, file.Close()))
	}
	out := bufio.NewWriter(file)
	return &spool{file: file, out: out, enc: json.NewEncoder(out)}, nil
}

// add appends one user.
func (s *spool) add(r roster.Row) error {
	s.size++
	return s.enc.Encode(r.User)
}

// each calls take for all users, in batches.
func (s *spool) each(take func([]pipeline.User) error) error {
	if err := s.out.Flush(); err != nil {
		return err
	}
	if _, err := s.file.Seek(0, io.SeekStart); err != nil {
		return err
	}
	b := newBatch(take)
	dec := json.NewDecoder(bufio.NewReader(s.file))
	for {
		var u pipeline.User
		switch err := dec.Decode(&u); {
		case errors.Is(err, io.EOF):
			return b.flush()
		case err != nil:
			return fmt.Errorf("read the spool file: %w", err)
		}
		if err := b.add(u); err != nil {
			return err
		}
	}
}

func (s *spool) close() error { return s.file.Close() }
