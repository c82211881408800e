package pgcluster

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/jackc/pgx/v5"
)

// errPortTaken is for a server that found its port in use.
var errPortTaken = errors.New("the port is taken")

// create makes the folder of a cluster with everything that its server needs.
func create(ctx context.Context, options Options) (*Cluster, error) {
	binDir, err := Find()
	if err != nil {
		return nil, err
	}
	who, err := serverAccount()
	if err != nil {
		return nil, err
	}
	if err := who.reaches(binDir); err != nil {
		return nil, err
	}
	sweep(os.TempDir(), who)
	place, err := newFolder(os.TempDir(), who)
	if err != nil {
		return nil, err
	}
	c := &Cluster{binDir: binDir, account: who, folder: place}
	if err := c.initialise(ctx, options); err != nil {
		return nil, errors.Join(err, place.remove())
	}
	return c, nil
}

// initialise writes the data folder and its configuration. The locale is the one
// that every system has. Nothing is synced even for a durable server, which
// shall survive its own crashes and not those of the machine.
func (c *Cluster) initialise(ctx context.Context, options Options) error {
	initdb := exec.CommandContext(ctx, filepath.Join(c.binDir, "initdb"), "--pgdata="+c.folder.data(), "--username=postgres",
		"--auth=trust", "--encoding=UTF8", "--locale=C", "--no-sync", "--no-instructions")
	initdb.WaitDelay = 5 * time.Second // a child of it may hold its output open
	c.prepare(initdb)
	if err := run(ctx, initdb); err != nil {
		return fmt.Errorf("run initdb: %w", err)
	}
	conf, err := os.OpenFile(filepath.Join(c.folder.data(), "postgresql.conf"), os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		return err
	}
	_, err = conf.WriteString(c.configuration(options))
	return errors.Join(err, conf.Close())
}

// configuration is in a file and not on the command line, where ALTER SYSTEM
// could not change it.
func (c *Cluster) configuration(options Options) string {
	settings := map[string]string{
		"listen_addresses":        "127.0.0.1",
		"unix_socket_directories": c.socketFolder(),
		"max_connections":         "300",
		"shared_buffers":          "128MB",
	}
	if !options.Durable {
		settings["fsync"] = "off"
		settings["full_page_writes"] = "off"
	}
	maps.Copy(settings, options.Settings)
	quote := strings.NewReplacer(`'`, `''`, `\`, `\\`)
	var b strings.Builder
	b.WriteByte('\n')
	for _, name := range slices.Sorted(maps.Keys(settings)) {
		fmt.Fprintf(&b, "%s = '%s'\n", name, quote.Replace(settings[name]))
	}
	return b.String()
}

// socketFolder is empty, for no socket, if the path of one would be longer than
// the system allows.
func (c *Cluster) socketFolder() string {
	const longest = 107
	if len(c.folder.path)+len("/.s.PGSQL.65535") > longest || strings.ContainsAny(c.folder.path, `",`) {
		return ""
	}
	return `"` + c.folder.path + `"`
}

// start starts the server and waits until it takes connections. After an error
// no server runs. The caller holds the lock.
func (c *Cluster) start(ctx context.Context) error {
	log, err := os.OpenFile(c.folder.log(), os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	defer log.Close() // the server has a copy
	postgres := exec.Command(filepath.Join(c.binDir, "postgres"), "-D", c.folder.data(), "-p", strconv.Itoa(c.port))
	postgres.Stdout, postgres.Stderr = log, log
	c.prepare(postgres)
	p, err := launch(postgres)
	if err != nil {
		return err
	}
	if err := c.await(ctx, p); err != nil {
		tail := c.folder.logTail()
		if p.hasExited() && strings.Contains(tail, "Address already in use") {
			err = errPortTaken
		}
		return errors.Join(fmt.Errorf("%w; the server's log ends with:\n%s", err, tail), p.crash())
	}
	c.server = p
	return nil
}

// prepare has a command run as the user of the server, in the folder of the
// cluster, and free of settings that are meant for other servers.
func (c *Cluster) prepare(command *exec.Cmd) {
	command.SysProcAttr = &syscall.SysProcAttr{Credential: c.account.credential}
	command.Dir = c.folder.path
	for _, v := range os.Environ() {
		if !strings.HasPrefix(v, "PG") && !strings.HasPrefix(v, "LC_") && !strings.HasPrefix(v, "LANG") {
			command.Env = append(command.Env, v)
		}
	}
	command.Env = append(command.Env, "LC_ALL=C", "TZ=UTC")
}

// await polls, because a server tells nobody that it is ready.
func (c *Cluster) await(ctx context.Context, p *process) error {
	ticker := time.NewTicker(10 * time.Millisecond)
	defer ticker.Stop()
	for {
		problem := c.pingWhile(ctx, p)
		if problem == nil {
			return nil
		}
		select {
		case <-p.exited:
			return fmt.Errorf("the server ended: %w", p.ending())
		case <-ctx.Done():
			return fmt.Errorf("%w while waiting for the server: %w", ctx.Err(), problem)
		case <-ticker.C:
		}
	}
}

// pingWhile gives up when the server has ended: what is on its port then may take
// a connection and never answer.
func (c *Cluster) pingWhile(ctx context.Context, p *process) error {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	var watcher sync.WaitGroup
	defer watcher.Wait()
	defer cancel()
	watcher.Go(func() {
		select {
		case <-p.exited:
			cancel()
		case <-ctx.Done():
		}
	})
	return c.ping(ctx)
}

// ping fails unless this very server answers, and not another one on its port.
func (c *Cluster) ping(ctx context.Context) error {
	return c.administer(ctx, func(conn *pgx.Conn) error {
		var data string
		if err := conn.QueryRow(ctx, "SELECT current_setting('data_directory')").Scan(&data); err != nil {
			return err
		}
		if data != c.folder.data() {
			return fmt.Errorf("the server on %s is that of %s", c.Addr(), data)
		}
		return nil
	})
}
