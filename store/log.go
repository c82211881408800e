package store

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
)

// checkLog refuses a write-ahead log that is none. SQLite would take it for an
// empty one and write over it; then what was sent since the latest checkpoint
// would be forgotten, and sent again. Zeros pass: a power cut can leave them of
// a log that had just been begun. See "The WAL Header" in
// https://www.sqlite.org/fileformat2.html.
func checkLog(ledger string) error {
	path := ledger + "-wal"
	f, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	defer f.Close()
	header := make([]byte, 32)
	if _, err := io.ReadFull(f, header); errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return nil // too short to hold anything
	} else if err != nil {
		return err
	}
	for _, magic := range []string{"\x37\x7f\x06\x82", "\x37\x7f\x06\x83", "\x00\x00\x00\x00"} {
		if bytes.HasPrefix(header, []byte(magic)) {
			return nil
		}
	}
	return fmt.Errorf("the write-ahead log %s is damaged, and alta leaves it as it is; what was sent last stands in it, so restore a backup", path)
}
