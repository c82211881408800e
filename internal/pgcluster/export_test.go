package pgcluster

import "context"

// StartOn is Start with ports that the test chooses.
func StartOn(ctx context.Context, nextPort func() (int, error)) (*Cluster, error) {
	return startOn(ctx, Options{}, nextPort)
}

// FreePort is how Start chooses a port.
func FreePort() (int, error) { return freePort() }

// ServerPID is the id of the server's first process.
func (c *Cluster) ServerPID() int { return c.server.handle.Pid }

// Folder is where the cluster keeps everything.
func (c *Cluster) Folder() string { return c.folder.path }

// ServerPIDs lists the server's processes.
func (c *Cluster) ServerPIDs() (pids []int, err error) {
	children, err := childrenOf(c.ServerPID())
	for _, s := range children {
		pids = append(pids, s.pid)
	}
	return append(pids, c.ServerPID()), err
}

// IsAlive tells whether a process runs.
func IsAlive(pid int) bool { return isAlive(pid) }

// Exited is closed when the server has ended.
func (c *Cluster) Exited() <-chan struct{} { return c.server.exited }
