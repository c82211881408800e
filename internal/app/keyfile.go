package app

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"alta/pipeline"
	"alta/store"
)

// readKeyFile reads the data key. The error wraps [fs.ErrNotExist] only when
// nothing has that name.
func readKeyFile(path string) (key *store.Key, mode fs.FileMode, err error) {
	if _, err := os.Lstat(path); errors.Is(err, fs.ErrNotExist) {
		return nil, 0, fmt.Errorf("the key file %s: %w", path, withoutPath(err))
	}
	if _, err := os.Stat(path); errors.Is(err, fs.ErrNotExist) {
		return nil, 0, fmt.Errorf("the key file %s is a link to a file that is not there", path)
	}
	text, mode, err := readSecretFile(path)
	if err != nil {
		return nil, 0, fmt.Errorf("the data key: %w", err)
	}
	key, err = store.ParseKey(pipeline.NewSecret(text))
	if err != nil {
		return nil, 0, fmt.Errorf("the key file %s: %w; %s", path, err, keyAdvice)
	}
	return key, mode, nil
}

// makeKeyFile writes the key to a new file. The file appears whole or not at
// all, and one that another process made meanwhile stays.
func makeKeyFile(path string, key pipeline.Secret) (err error) {
	defer func() {
		if err != nil {
			err = fmt.Errorf("make the key file %s: %w; make it by hand ('openssl rand -base64 32', mode 600), or set ALTA_DATA_KEY", path, withoutPath(err))
		}
	}()
	temp, err := os.CreateTemp(filepath.Dir(path), ".alta-key-*")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.Remove(temp.Name())) }()
	if err := writeKey(temp, key); err != nil {
		return err
	}
	if err := os.Link(temp.Name(), path); err != nil && !errors.Is(err, fs.ErrExist) {
		return err
	}
	return syncFolder(path)
}

// stageKeyFile writes the key to a file beside the key file at path. place, to
// be called once the ledger has that key, puts it in the place of the old one
// in one step. Only the holder of the ledger's lock may call it.
func stageKeyFile(path string, key pipeline.Secret) (place func() error, err error) {
	next := path + ".new"
	if err := os.Remove(next); err != nil && !errors.Is(err, fs.ErrNotExist) { // a change that did not come to its end
		return nil, err
	}
	f, err := os.OpenFile(next, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return nil, err
	}
	if err := writeKey(f, key); err != nil {
		return nil, errors.Join(err, os.Remove(next))
	}
	return func() error {
		if err := os.Rename(next, path); err != nil {
			return err
		}
		return syncFolder(path)
	}, nil
}

// writeKey fills a new file that only its owner can use, whatever the umask is,
// and closes it.
func writeKey(f *os.File, key pipeline.Secret) error {
	_, err := f.WriteString(key.Reveal() + "\n")
	return errors.Join(err, f.Chmod(0o600), f.Sync(), f.Close())
}

// syncFolder makes the names in the file's folder durable.
func syncFolder(path string) error {
	folder, err := os.Open(filepath.Dir(path))
	if err != nil {
		return err
	}
	return errors.Join(folder.Sync(), folder.Close())
}
