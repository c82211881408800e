package app

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"alta/pipeline"
	"alta/store"
)

// useKey gives the ledger the key that seals its links: ALTA_DATA_KEY, or that
// of database.key_file, which is made when the ledger has never had a key.
func (a *app) useKey(ctx context.Context, s *store.Store) error {
	key, err := a.dataKey(ctx, s)
	if err != nil {
		return &exitError{exitUsage, err}
	}
	err = s.UseKey(ctx, key)
	if errors.Is(err, store.ErrWrongKey) {
		return &exitError{exitUsage, fmt.Errorf("%w; %s", err, keyAdvice)}
	}
	return err
}

// keyAdvice is what to do when the key of a ledger is lost.
const keyAdvice = "bring back the right one, or 'alta rekey', which forgets the links that it sealed: mails that are still due get fresh ones"

func (a *app) dataKey(ctx context.Context, s *store.Store) (*store.Key, error) {
	if text := a.config.Database.Key; !text.IsZero() {
		key, err := store.ParseKey(text)
		if err != nil {
			return nil, fmt.Errorf("the environment variable ALTA_DATA_KEY: %w", err)
		}
		return key, nil
	}
	file := a.config.Database.KeyFile
	if _, err := os.Stat(file); errors.Is(err, fs.ErrNotExist) {
		has, err := s.HasKey(ctx)
		if err != nil {
			return nil, err
		}
		if has {
			return nil, fmt.Errorf("the key file %s of this ledger is missing; %s", file, keyAdvice)
		}
		if err := makeKeyFile(file, store.NewKey()); err != nil {
			return nil, fmt.Errorf("make the key file %s: %w", file, err)
		}
	}
	text, mode, err := readSecretFile(file)
	if err != nil {
		return nil, fmt.Errorf("the data key: %w", err)
	}
	if mode&0o077 != 0 {
		a.log.Warn(fmt.Sprintf("other users of this machine can use the key file %q (mode %04o); 'chmod 600' it", file, mode))
	}
	key, err := store.ParseKey(pipeline.NewSecret(text))
	if err != nil {
		return nil, fmt.Errorf("the key file %s: %w", file, err)
	}
	return key, nil
}

// makeKeyFile writes the key to a new file that only its owner can read. The
// file appears whole or not at all, and one that another process made meanwhile
// stays.
func makeKeyFile(path string, key pipeline.Secret) (err error) {
	dir := filepath.Dir(path)
	temp, err := os.CreateTemp(dir, ".alta-key-*") // mode 0600
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.Remove(temp.Name())) }()
	_, err = temp.WriteString(key.Reveal() + "\n")
	if err = errors.Join(err, temp.Sync(), temp.Close()); err != nil {
		return err
	}
	if err := os.Link(temp.Name(), path); err != nil && !errors.Is(err, fs.ErrExist) {
		return err
	}
	folder, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(folder.Sync(), folder.Close())
}
