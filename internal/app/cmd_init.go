package app

import (
	"errors"
	"fmt"
	"io/fs"
	"os"

	"github.com/spf13/cobra"
)

func (a *app) initCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "init [FILE]",
		Short: "Write a config.toml to start from",
		Long: `init writes the reference configuration, every setting with its default and a
comment, to config.toml or the given FILE. It never overwrites a file.`,
		Example: `  alta init
  alta init /etc/alta/config.toml`,
		Args: cobra.MaximumNArgs(1),
		RunE: func(_ *cobra.Command, args []string) error {
			path := defaultConfigFile
			if len(args) == 1 {
				path = args[0]
			}
			if err := writeNew(path, a.defaults); err != nil {
				return &exitError{exitUsage, err}
			}
			fmt.Fprintf(a.out, "Wrote %s. Fill in [capa], [smtp] and [brand], then check with 'alta doctor'.\n", path)
			return nil
		},
	}
}

// writeNew writes a file that must not exist yet, with mode 0600.
func writeNew(path string, data []byte) (err error) {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if errors.Is(err, fs.ErrExist) {
		return fmt.Errorf("%s exists, and is left as it is; name another file", path)
	}
	if err != nil {
		return fmt.Errorf("write the file: %w", err)
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	if _, err := f.Write(data); err != nil {
		return fmt.Errorf("write %s: %w", path, err)
	}
	return nil
}
