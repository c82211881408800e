package app

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"syscall"

	"alta/pipeline"
	"alta/store"
)

const keySetting = "database.key_file"

// keyAdvice is what to do when the key of a ledger is lost.
const keyAdvice = "bring back the right one, or 'alta rekey', which forgets the links that it sealed: mails that are still due get fresh ones"

// useKey gives the ledger the key that seals its links: ALTA_DATA_KEY, or that
// of database.key_file, which is made when the ledger has never had a key.
func (a *app) useKey(ctx context.Context, s ledger) error {
	key, err := a.dataKey(ctx, s)
	_, unreadable := errors.AsType[*pipeline.Fault](err)
	if unreadable || errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EIO) {
		return &exitError{exitOutage, err} // it may be over soon
	}
	if err != nil {
		return &exitError{exitUsage, err}
	}
	return a.explainKey(s.UseKey(ctx, key))
}

// dataKey finds the key of the ledger, or makes its file.
func (a *app) dataKey(ctx context.Context, s ledger) (*store.Key, error) {
	// Asked before the file is looked for: another process that makes both at this
	// moment makes the file first.
	has, err := s.HasKey(ctx)
	if err != nil {
		return nil, err
	}
	key, warning, err := a.findKey()
	if errors.Is(err, fs.ErrNotExist) {
		if has {
			return nil, a.keyIsMissing()
		}
		if a.keyIsCredential() || a.config.Database.shared() {
			return nil, a.keyIsNotMine()
		}
		if err := makeKeyFile(a.config.Database.KeyFile, store.NewKey()); err != nil {
			return nil, err
		}
		key, warning, err = a.findKey()
	}
	if warning != "" {
		a.log.Warn(warning)
	}
	return key, err
}

// findKey reads the key that the environment or the key file holds, and says
// what is unwise about the file. The error wraps [fs.ErrNotExist] when there is
// no such file; it never holds the key.
func (a *app) findKey() (key *store.Key, warning string, err error) {
	c := a.config
	if text := c.Database.Key; !text.IsZero() {
		key, err := store.ParseKey(text)
		if err != nil {
			return nil, "", fmt.Errorf("the environment variable ALTA_DATA_KEY: %w", err)
		}
		return key, "", nil
	}
	for _, p := range c.secrets {
		if p.Setting == keySetting {
			return nil, "", configError([]ConfigProblem{p})
		}
	}
	if c.Database.KeyFile == "" {
		return nil, "", fmt.Errorf("a ledger on PostgreSQL needs ALTA_DATA_KEY or database.key_file, the same on every machine; 'openssl rand -base64 %d' makes one", store.KeySize)
	}
	key, mode, err := readKeyFile(c.Database.KeyFile)
	if err == nil && mode&0o077 != 0 && !a.keyIsCredential() {
		warning = fmt.Sprintf("other users of this machine can use the key file %s (mode %04o); 'chmod 600' it, and 'alta rekey' if anybody may have", c.Database.KeyFile, mode)
	}
	return key, warning, err
}

// keySource says where the key comes from.
func (a *app) keySource() string {
	if !a.config.Database.Key.IsZero() {
		return "ALTA_DATA_KEY"
	}
	if a.config.Database.KeyFile == "" {
		return "nowhere yet" // a ledger on PostgreSQL has no file of its own
	}
	return "the key file " + a.config.Database.KeyFile
}

// keyIsCredential tells whether systemd guards the key file: it can't be
// written, and shows an access list as group bits.
func (a *app) keyIsCredential() bool {
	dir := a.getenv("CREDENTIALS_DIRECTORY")
	return filepath.IsAbs(dir) && filepath.Dir(a.config.Database.KeyFile) == filepath.Clean(dir)
}

func (a *app) keyIsMissing() error {
	return fmt.Errorf("the key file %s of this ledger is missing; %s", a.config.Database.KeyFile, keyAdvice)
}

func (a *app) keyIsNotMine() error {
	return fmt.Errorf("the key file %s is not there, and alta can't make it; make one with 'openssl rand -base64 32'", a.config.Database.KeyFile)
}

// explainKey says of a wrong key where it comes from, and what to do.
func (a *app) explainKey(err error) error {
	if !errors.Is(err, store.ErrWrongKey) {
		return err
	}
	advice := keyAdvice
	if !a.config.Database.Key.IsZero() {
		advice = "unset ALTA_DATA_KEY if the key file is right, for it wins over that; otherwise " + keyAdvice
	}
	return &exitError{exitUsage, fmt.Errorf("%s: %w; %s", a.keySource(), store.ErrWrongKey, advice)}
}
