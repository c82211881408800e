package app

import (
	"errors"
	"net/url"
	"strings"

	"alta/pipeline"
)

// isPostgres tells whether a database.url is a connection string of PostgreSQL.
func isPostgres(address string) bool {
	scheme, _, found := strings.Cut(strings.ToLower(address), "://")
	return found && (scheme == "postgres" || scheme == "postgresql")
}

// checkPostgres refuses a connection string that holds a password, which does not
// belong into this file, or that could cross a network in clear. Its errors never
// repeat it.
func checkPostgres(address string) error {
	const expected = `expected a connection string such as "postgres://alta@db.example/alta?sslmode=verify-full"`
	u, err := url.Parse(address)
	if err != nil {
		return errors.New("found something that is no URL, " + expected)
	}
	query := u.Query()
	_, password := u.User.Password()
	host, sslmode := u.Hostname(), query.Get("sslmode")
	if other := query.Get("host"); other != "" {
		host = other
	}
	local := true
	for one := range strings.SplitSeq(host, ",") {
		local = local && (one == "" || strings.HasPrefix(one, "/") || isLoopback(one))
	}
	switch {
	case password || query.Has("password") || query.Has("sslpassword"):
		return errors.New("found a password, which does not belong in this file; put it into a file of its own and name that in database.password_file, or set ALTA_DATABASE_PASSWORD")
	case strings.Trim(u.Path, "/") == "" && !query.Has("dbname"):
		return errors.New("found no name of a database, " + expected)
	case !local && sslmode == "":
		return errors.New(`found no sslmode for a server on another host: add "?sslmode=verify-full" (or "require", which does not check who answers; "disable" sends all of it in clear)`)
	case !local && (sslmode == "prefer" || sslmode == "allow"):
		return errors.New(`found an sslmode that falls back to clear text, expected "verify-full", "verify-ca", "require" or "disable"`)
	}
	return nil
}

// dsn is the connection string with the password in it.
func (c DatabaseConfig) dsn() pipeline.Secret {
	u, err := url.Parse(c.URL)
	if err != nil || c.Password.IsZero() {
		return pipeline.NewSecret(c.URL)
	}
	u.User = url.UserPassword(u.User.Username(), c.Password.Reveal())
	return pipeline.NewSecret(u.String())
}
