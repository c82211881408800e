package main

import (
	"testing"
	"time"
)

func TestProcessesAreRead(t *testing.T) {
	tests := []struct {
		sentence, stat string
		want           process
		ok             bool
	}{
		{"A server.", "42 (postgres) S 7 42 42 0 -1 4194560 2600 9800 1 2 130 20 1000 50 20 0 1 0 99 1 2\n",
			process{parent: 7, own: 1500 * time.Millisecond, ended: 10500 * time.Millisecond}, true},
		{"A name with everything in it.", "42 (a) S (b) 1) R 7 42 42 0 -1 0 0 0 0 0 1 2 3 4 20\n",
			process{parent: 7, own: 30 * time.Millisecond, ended: 70 * time.Millisecond}, true},
		{"A line that ends early.", "42 (postgres) S 7 42\n", process{}, false},
		{"No figures.", "42 (postgres) S 7 42 42 0 -1 0 0 0 0 0 one 2 3 4 20\n", process{parent: 7}, false},
		{"Nothing.", "", process{}, false},
	}
	for _, test := range tests {
		t.Run(test.sentence, func(t *testing.T) {
			got, err := parseProcess(test.stat)
			if (err == nil) != test.ok || test.ok && got != test.want {
				t.Errorf("%+v, error %v", got, err)
			}
		})
	}
}
