package pgcluster

import "syscall"

// dieWithParent has the kernel send a signal to the process that is started when
// the thread that starts it ends. A process that is killed ends all its threads.
func dieWithParent(attr *syscall.SysProcAttr, signal syscall.Signal) { attr.Pdeathsig = signal }
