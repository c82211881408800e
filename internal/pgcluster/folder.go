package pgcluster

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
)

// folderPrefix begins the name of every folder of a cluster.
const folderPrefix = "alta-pg-"

// folder is where a cluster keeps everything. It is locked for as long as the
// process that made it lives, so that no other one sweeps it away.
type folder struct {
	path string
	lock *os.File
}

func newFolder(parent string, owner account) (*folder, error) {
	parent, err := filepath.EvalSymlinks(parent)
	if err != nil {
		return nil, err
	}
	if err := owner.reaches(parent); err != nil {
		return nil, fmt.Errorf("%w: set TMPDIR to a folder that is open to all", err)
	}
	path, err := os.MkdirTemp(parent, folderPrefix)
	if err != nil {
		return nil, err
	}
	lock, err := os.Open(path)
	if err != nil {
		return nil, errors.Join(err, os.Remove(path))
	}
	f := &folder{path, lock}
	// A sweeper may hold the lock for an instant, and leaves an empty folder alone.
	if err := syscall.Flock(int(lock.Fd()), syscall.LOCK_EX); err != nil {
		return nil, errors.Join(fmt.Errorf("lock %s: %w", path, err), f.remove())
	}
	if err := owner.give(path); err != nil {
		return nil, errors.Join(err, f.remove())
	}
	return f, nil
}

// data is the folder that PostgreSQL calls PGDATA.
func (f *folder) data() string { return filepath.Join(f.path, "data") }

func (f *folder) log() string { return filepath.Join(f.path, "server.log") }

// logTail returns the last lines of the log.
func (f *folder) logTail() string {
	const size = 16 << 10
	log, err := os.Open(f.log())
	if err != nil {
		return ""
	}
	defer log.Close()
	end, err := log.Seek(0, io.SeekEnd)
	if err != nil {
		return ""
	}
	start := max(0, end-size)
	text, err := io.ReadAll(io.NewSectionReader(log, start, end-start))
	if err != nil {
		return ""
	}
	if start > 0 {
		_, rest, _ := strings.Cut(string(text), "\n") // the first line may lack its beginning
		return rest
	}
	return string(text)
}

// remove deletes the folder. The lock comes last: nobody else shall try meanwhile.
func (f *folder) remove() error { return errors.Join(os.RemoveAll(f.path), f.lock.Close()) }

// sweep deletes the folders that killed processes have left. It does what it
// can: one that can't be read or deleted is a nuisance, and no reason to fail.
func sweep(parent string, owner account) {
	entries, err := os.ReadDir(parent)
	if err != nil {
		return
	}
	for _, e := range entries {
		if e.IsDir() && strings.HasPrefix(e.Name(), folderPrefix) {
			sweepFolder(filepath.Join(parent, e.Name()), owner)
		}
	}
}

func sweepFolder(path string, owner account) {
	lock, err := os.OpenFile(path, os.O_RDONLY|syscall.O_DIRECTORY|syscall.O_NOFOLLOW, 0)
	if err != nil {
		return
	}
	f := &folder{path, lock}
	defer f.lock.Close()
	if info, err := f.lock.Stat(); err != nil || !owner.owns(info) {
		return
	}
	if err := syscall.Flock(int(f.lock.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		return // its process lives
	}
	// An empty folder may be one that is just being made and not locked yet.
	if names, err := f.lock.Readdirnames(1); err != nil || len(names) == 0 {
		return
	}
	// The server of a process that was killed takes a moment to shut down.
	if pid, known := f.postmaster(); known && isAlive(pid) {
		return
	}
	_ = os.RemoveAll(path)
}

// postmaster reads the id of the server's first process, as the server left it.
func (f *folder) postmaster() (pid int, known bool) {
	file, err := os.Open(filepath.Join(f.data(), "postmaster.pid"))
	if err != nil {
		return 0, false
	}
	defer file.Close()
	line, err := bufio.NewReader(file).ReadString('\n')
	if err != nil {
		return 0, false
	}
	pid, err = strconv.Atoi(strings.TrimSpace(line))
	return pid, err == nil
}
