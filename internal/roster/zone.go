package roster

import (
	"fmt"
	"strings"
	"time"
)

// timeZone accepts the names of the IANA time zone database. The name becomes
// part of a file name when it is looked up, so that its characters are checked
// first. Names that mean something else on each machine, and the two copies of
// the database that some systems keep beside it, are refused.
func timeZone(name string, known map[string]bool) (string, error) {
	if known[name] {
		return name, nil
	}
	err := fmt.Errorf("is %s: expected an IANA time zone such as America/Tijuana", quote(name))
	switch area, _, _ := strings.Cut(name, "/"); area {
	case "", "Local", "localtime", "posixrules", "Factory", "posix", "right":
		return "", err
	}
	for _, r := range name {
		switch {
		case 'a' <= r && r <= 'z', 'A' <= r && r <= 'Z', '0' <= r && r <= '9', strings.ContainsRune("_+-/", r):
		default:
			return "", err
		}
	}
	if _, unknown := time.LoadLocation(name); unknown != nil {
		return "", err
	}
	if known != nil {
		known[name] = true
	}
	return name, nil
}
