package app

import (
	"errors"
	"fmt"
	"io/fs"
	"os"

	"github.com/spf13/cobra"

	"alta/templates"
)

func (a *app) initCommand() *cobra.Command {
	var dir string
	c := &cobra.Command{
		Use:   "init [FILE]",
		Short: "Write a config.toml to start from",
		Long: `init writes the reference configuration, every setting with its default and a
comment, to config.toml or the given FILE. With --templates it writes the built-in
mail templates to a folder instead, to change and name in templates.dir. It never
overwrites a file.`,
		Example: `  alta init
  alta init /etc/alta/config.toml
  alta init --templates /etc/alta/templates`,
		Args: cobra.MaximumNArgs(1),
		RunE: func(_ *cobra.Command, args []string) error {
			switch {
			case dir != "" && len(args) > 0:
				return usage("--templates writes templates only; run init without it for %s", args[0])
			case dir != "":
				return a.initTemplates(dir)
			case len(args) == 1:
				return a.initConfig(args[0])
			}
			return a.initConfig(defaultConfigFile)
		},
	}
	c.Flags().StringVar(&dir, "templates", "", "write the mail templates to `DIR`")
	return c
}

func (a *app) initConfig(path string) error {
	if err := writeNew(path, a.defaults); err != nil {
		return &exitError{exitUsage, err}
	}
	_, err := fmt.Fprintf(a.out, "Wrote %s. Fill in [capa], [smtp] and [brand], then check with 'alta doctor'.\n", path)
	return err
}

func (a *app) initTemplates(dir string) error {
	if err := templates.Export(dir); err != nil {
		return &exitError{exitUsage, err}
	}
	_, err := fmt.Fprintf(a.out, "Wrote the templates to %s. Delete what you don't change, set templates.dir, look with 'alta preview'.\n", dir)
	return err
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
