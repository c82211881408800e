package app

import (
	"io"
	"os"
)

func tee(w io.Writer) io.Writer {
	if os.Getenv("ALTA_TEST_LOG") == "" {
		return w
	}
	return io.MultiWriter(w, os.Stderr)
}
