package pgcluster

import (
	"errors"
	"fmt"
	"os"
	"os/user"
	"path/filepath"
	"strconv"
	"syscall"
)

// account is the user under whom the server runs.
type account struct {
	name       string
	credential *syscall.Credential // nil for the user of this process
}

// serverAccount chooses the user. PostgreSQL refuses to run as root.
func serverAccount() (account, error) {
	if os.Geteuid() != 0 {
		return account{}, nil
	}
	for _, name := range []string{"postgres", "nobody"} {
		u, err := user.Lookup(name)
		if err != nil {
			continue
		}
		uid, err := strconv.ParseUint(u.Uid, 10, 32)
		if err != nil {
			return account{}, err
		}
		gid, err := strconv.ParseUint(u.Gid, 10, 32)
		if err != nil {
			return account{}, err
		}
		return account{name, &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}}, nil
	}
	return account{}, errors.New("PostgreSQL does not run as root, and there is no user postgres or nobody to run it as")
}

// reaches fails if a folder on the way to the path is closed to the account. The
// server would fail too, but with an error that does not tell which folder it is.
func (a account) reaches(path string) error {
	if a.credential == nil {
		return nil
	}
	for dir := path; ; dir = filepath.Dir(dir) {
		info, err := os.Stat(dir)
		if err != nil {
			return err
		}
		if !a.enters(info) {
			return fmt.Errorf("%s is closed to the user %s, as whom PostgreSQL runs for root", dir, a.name)
		}
		if dir == filepath.Dir(dir) {
			return nil
		}
	}
}

func (a account) enters(dir os.FileInfo) bool {
	s, ok := dir.Sys().(*syscall.Stat_t)
	if !ok {
		return true
	}
	switch {
	case s.Uid == a.credential.Uid:
		return dir.Mode()&0o100 != 0
	case s.Gid == a.credential.Gid:
		return dir.Mode()&0o010 != 0
	}
	return dir.Mode()&0o001 != 0
}

// give makes the account the owner of a path.
func (a account) give(path string) error {
	if a.credential == nil {
		return nil
	}
	return os.Chown(path, int(a.credential.Uid), int(a.credential.Gid))
}

// owns tells whether a file is one that this package may have made for the account.
func (a account) owns(file os.FileInfo) bool {
	s, ok := file.Sys().(*syscall.Stat_t)
	return ok && (int(s.Uid) == os.Geteuid() || a.credential != nil && s.Uid == a.credential.Uid)
}
