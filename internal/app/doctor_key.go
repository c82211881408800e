package app

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"

	"alta/store"
)

// checkKey looks at the data key, and whether a stolen disk would hold it
// together with the ledger. It makes none.
func (a *app) checkKey(ctx context.Context, add func(string, string, error), warn func(string, string)) {
	const check = "data key"
	if a.config.secretFailed(keySetting) {
		return // named among the mistakes of the configuration
	}
	detail, err := a.examineKey(ctx)
	add(check, detail, err)
	file := a.config.Database.KeyFile
	if _, warning, _ := a.findKey(); warning != "" {
		warn(check, warning)
	}
	if err == nil && a.config.Database.Key.IsZero() && !a.config.Database.shared() && sameVolume(file, a.config.Database.Path) {
		warn(check, "the key file "+file+" and the ledger lie on one volume, so a stolen disk or its backup holds both; keep the key elsewhere: "+
			`ALTA_DATA_KEY from a secret store, or database.key_file = "${CREDENTIALS_DIRECTORY}/alta-data-key" and LoadCredential= of systemd`)
	}
}

// examineKey compares the key with the ledger, if there is one.
func (a *app) examineKey(ctx context.Context) (detail string, err error) {
	key, _, keyErr := a.findKey()
	missing := errors.Is(keyErr, fs.ErrNotExist)
	if keyErr != nil && !missing {
		return "", keyErr
	}
	has := false
	if a.ledgerExists() == nil {
		s, err := a.open(ctx, true)
		if err != nil && missing {
			return "", fmt.Errorf("the key file %s is not there; whether the ledger has a key is not known, for that can't be opened", a.config.Database.KeyFile)
		}
		if err != nil {
			return "comes from " + a.keySource() + "; whether it is the ledger's is not known, for that can't be opened", nil
		}
		defer func() { err = errors.Join(err, s.Close()) }()
		if has, err = s.HasKey(ctx); err != nil {
			return "", err
		}
		if !missing {
			err = s.CheckKey(ctx, key)
		}
		if errors.Is(err, store.ErrWrongKey) {
			return "", a.explainKey(err)
		}
		if err != nil {
			return "", err
		}
	}
	file := a.config.Database.KeyFile
	switch {
	case missing && has:
		return "", a.keyIsMissing()
	case missing:
		if _, err := os.Stat(filepath.Dir(file)); err != nil || a.keyIsCredential() || a.config.Database.shared() {
			return "", a.keyIsNotMine()
		}
		return "the first start makes the key file " + file, nil
	}
	return "comes from " + a.keySource(), nil
}

// sameVolume tells whether both lie on one file system, as far as they or their
// folders are there.
func sameVolume(a, b string) bool {
	one, known := volume(a)
	other, alsoKnown := volume(b)
	return known && alsoKnown && one == other
}

func volume(path string) (device uint64, known bool) {
	info, err := os.Stat(path)
	if errors.Is(err, fs.ErrNotExist) {
		info, err = os.Stat(filepath.Dir(path))
	}
	if err != nil {
		return 0, false
	}
	stat, known := info.Sys().(*syscall.Stat_t)
	if !known {
		return 0, false
	}
	return uint64(stat.Dev), true
}
