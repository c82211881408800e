package main

import (
	"bytes"
	"context"
	"os"
	"os/exec"
	"runtime"
	"strconv"
	"strings"
)

// machine is where the figures come from. No path and no name of it is in there.
type machine struct {
	cores      int
	processor  string
	kernel     string
	fileSystem string // of the ledgers: what a commit costs depends on it
	goVersion  string
}

// lookAtMachine finds out as much as it can; what it can't is "unknown".
func lookAtMachine(ctx context.Context, ledgers string) machine {
	return machine{
		cores:      runtime.NumCPU(),
		processor:  processor(),
		kernel:     said(ctx, "uname", "-sr"),
		fileSystem: said(ctx, "findmnt", "--noheadings", "--output", "FSTYPE", "--target", ledgers),
		goVersion:  runtime.Version(),
	}
}

const unknown = "unknown"

func said(ctx context.Context, name string, args ...string) string {
	out, err := exec.CommandContext(ctx, name, args...).Output()
	if text := strings.TrimSpace(string(out)); err == nil && text != "" {
		return text
	}
	return unknown
}

func processor() string {
	text, err := os.ReadFile("/proc/cpuinfo")
	if err != nil {
		return unknown
	}
	for line := range bytes.Lines(text) {
		name, value, _ := strings.Cut(string(line), ":")
		if strings.TrimSpace(name) == "model name" {
			return strings.TrimSpace(value)
		}
	}
	return unknown
}

func (m machine) rows() [][2]string {
	return [][2]string{
		{"cores", strconv.Itoa(m.cores)},
		{"processor", m.processor},
		{"kernel", m.kernel},
		{"file system of the ledgers", m.fileSystem + memoryOnly(m.fileSystem)},
		{"Go", m.goVersion},
	}
}

// memoryOnly warns where a commit costs nothing.
func memoryOnly(fileSystem string) string {
	if fileSystem == "tmpfs" || fileSystem == "ramfs" {
		return ", in memory: a commit costs nothing there; set TMPDIR to a folder on a disk"
	}
	return ""
}
