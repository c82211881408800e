// Package pgcluster runs a PostgreSQL server that lives for a test or a
// benchmark: in a folder and on a port of its own, with the programs that are
// installed here and without a cluster that may run here already. It can crash
// and restart the server, and put a proxy in front of it that fails like a
// network.
package pgcluster

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"os"
	"sync"
	"time"
)

// shutDownPatience is how long a server may take to write what it holds to disk.
const shutDownPatience = time.Minute

// errStopped is for what is asked of a cluster after Stop.
var errStopped = errors.New("the cluster was stopped for good")

// Options tell how a server is set up. The zero value is one for tests.
type Options struct {
	// Durable has the server write to disk what it says it has written, as in
	// production. Without it a commit is quick, and a crash may tear pages.
	Durable bool

	// Settings are parameters of the server's configuration and win over those
	// that this package sets.
	Settings map[string]string
}

// Cluster is a PostgreSQL server with databases of its own. Its user postgres may
// do everything and needs no password. All methods may be called at any time
// from several goroutines.
type Cluster struct {
	binDir  string
	account account
	folder  *folder
	port    int

	mu      sync.Mutex // held by what starts and ends the server
	server  *process   // nil after Kill and after a Restart that failed
	stopped bool
}

// Start makes a cluster and returns when it takes connections. The context ends
// the wait for that; it does not end the server. Whoever starts a cluster stops
// it; the server of a process that dies before that shuts down by itself (on
// Linux), and the next Start of any process removes its folder.
func Start(ctx context.Context, options Options) (*Cluster, error) {
	return startOn(ctx, options, freePort)
}

// startOn starts a cluster on a port that it is given. If somebody else has taken
// that meanwhile, it asks for another.
func startOn(ctx context.Context, options Options, nextPort func() (int, error)) (*Cluster, error) {
	c, err := create(ctx, options)
	if err != nil {
		return nil, fmt.Errorf("start PostgreSQL: %w", err)
	}
	const attempts = 10
	for attempt := 1; ; attempt++ {
		if c.port, err = nextPort(); err == nil {
			err = c.start(ctx)
		}
		if err == nil {
			return c, nil
		}
		if !errors.Is(err, errPortTaken) || attempt == attempts {
			return nil, errors.Join(fmt.Errorf("start PostgreSQL: %w", err), c.folder.remove())
		}
		// The next attempt is judged by what it adds to the log.
		if err := os.Truncate(c.folder.log(), 0); err != nil {
			return nil, errors.Join(fmt.Errorf("start PostgreSQL: %w", err), c.folder.remove())
		}
	}
}

// Stop shuts the server down, as well as it can be, and removes the folder with
// all databases. That the server had ended by itself is an error here. A second
// call does nothing.
func (c *Cluster) Stop() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.stopped {
		return nil
	}
	c.stopped = true
	ctx, cancel := context.WithTimeout(context.Background(), shutDownPatience)
	defer cancel()
	err := c.reportDeath()
	if c.server == nil {
		// A server that crashed has left shared memory. Only itself knows where it
		// is, and frees it when it starts. If it can't start, so be it.
		_ = c.start(ctx)
	}
	if err := errors.Join(err, c.end(ctx), c.folder.remove()); err != nil {
		return fmt.Errorf("stop PostgreSQL: %w", err)
	}
	return nil
}

// Kill ends all processes of the server at once with SIGKILL, as a crash would,
// and returns when they are gone. After that only Restart and Stop make sense.
func (c *Cluster) Kill() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.server == nil || c.stopped {
		return nil
	}
	err := c.server.crash()
	c.server = nil
	if err != nil {
		return fmt.Errorf("kill PostgreSQL: %w", err)
	}
	return nil
}

// Restart shuts the server down, if it still runs, and starts it again in the
// same place. It returns when the server has recovered and takes connections, or
// when the context ends; then the server is as after Kill.
func (c *Cluster) Restart(ctx context.Context) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	err := errStopped
	if !c.stopped {
		_ = c.reportDeath() // to start it again is what the caller does about it
		if err = c.end(ctx); err == nil {
			err = c.start(ctx)
		}
	}
	if err != nil {
		return fmt.Errorf("restart PostgreSQL: %w", err)
	}
	return nil
}

// Addr returns the host and the port on which the server listens.
func (c *Cluster) Addr() string { return address(c.port) }

// URL returns the URL with which the user postgres connects to a database.
func (c *Cluster) URL(database string) string { return dsn("postgres", c.Addr(), database) }

// Log returns the end of the server's log. Stop removes it.
func (c *Cluster) Log() string { return c.folder.logTail() }

// reportDeath is an error if the server has ended by itself, which is the same as
// Kill from then on. The caller holds the lock.
func (c *Cluster) reportDeath() error {
	if c.server == nil || !c.server.hasExited() {
		return nil
	}
	err := fmt.Errorf("the server had ended before: %w; its log ends with:\n%s", c.server.ending(), c.folder.logTail())
	c.server = nil
	return err
}

// end shuts the server down if there is one. One that does not obey is killed.
// The caller holds the lock.
func (c *Cluster) end(ctx context.Context) error {
	if c.server == nil {
		return nil
	}
	p := c.server
	c.server = nil
	if err := p.shutDown(ctx); err != nil {
		return errors.Join(fmt.Errorf("shut the server down: %w; its log ends with:\n%s", err, c.folder.logTail()), p.crash())
	}
	return nil
}

func dsn(user, addr, database string) string {
	u := url.URL{Scheme: "postgres", User: url.User(user), Host: addr, Path: "/" + database, RawQuery: "sslmode=disable"}
	return u.String()
}
