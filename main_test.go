package main

import (
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
)

// TestMain makes this very program the alta of the scripts, so that they run
// what main runs, built as the tests are.
func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"alta": main})
}

// TestScripts tells each command's story by what an operator types and reads;
// see script_test.go for the commands that are not alta's.
func TestScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir:   "testdata/script",
		Setup: setUp,
		Cmds:  scriptCommands(),
	})
}
