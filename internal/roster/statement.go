package roster

import (
	"errors"
	"strings"
)

// oneStatement returns the only statement of the query, without what follows
// it. It refuses an empty query and text after the first statement: the driver
// would run one after the other and return the answer of the last.
func oneStatement(query string) (string, error) {
	if strings.IndexByte(query, 0) >= 0 {
		return "", errors.New("the query holds a NUL character")
	}
	text, end := false, -1
	for at := 0; at < len(query); {
		length, isText := token(query[at:])
		switch {
		case isText && end >= 0:
			return "", errors.New("the query has more than one statement: expected one SELECT")
		case isText:
			text = true
		case query[at] == ';' && text && end < 0:
			end = at
		}
		at += length
	}
	if !text {
		return "", errors.New("the query is empty: expected one SELECT")
	}
	if end >= 0 {
		query = query[:end]
	}
	return query, nil
}

// token returns the length of the first token and whether it is part of a
// statement, which white space, comments and semicolons are not. See
// https://www.sqlite.org/lang_comment.html and lang_expr.html, "literal
// values"; a quote doubled inside quotes reads as two quoted tokens, which is
// the same here.
func token(s string) (length int, isText bool) {
	until := func(end string) int {
		if i := strings.Index(s[1:], end); i >= 0 {
			return 1 + i + len(end)
		}
		return len(s)
	}
	switch s[0] {
	case '\'', '"', '`':
		return until(s[:1]), true
	case '[':
		return until("]"), true
	case ' ', '\t', '\n', '\f', '\r', ';':
		return 1, false
	}
	switch {
	case strings.HasPrefix(s, "--"):
		return until("\n"), false
	case strings.HasPrefix(s, "/*"):
		if i := strings.Index(s[2:], "*/"); i >= 0 {
			return 2 + i + 2, false
		}
		return len(s), false
	}
	return 1, true
}
