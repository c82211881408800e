package app

import (
	"fmt"
	"io"
	"os"
)

// maxConfig is the longest configuration file, in bytes. The one with every
// setting and its comment takes a fraction of it.
const maxConfig = 1 << 20

// readConfigFile reads a configuration file, which may be a pipe. An error of
// package os is returned as it is.
func readConfigFile(path string) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer func() { _ = f.Close() }() // Nothing was written.
	data, err := io.ReadAll(io.LimitReader(f, maxConfig+1))
	if err != nil {
		return nil, err
	}
	if len(data) > maxConfig {
		return nil, fmt.Errorf("%s is longer than 1 MiB, so it is no configuration", path)
	}
	return data, nil
}
