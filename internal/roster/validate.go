package roster

import (
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"

	"alta/pipeline"
)

// The longest values, in characters. They bound what the ledger stores.
const (
	maxID         = 128
	maxName       = 200
	maxExternalID = 256
)

// Validate checks one row and normalizes it: white space around values is
// trimmed, codes get their usual spelling, the domain of the address becomes
// lower-case ASCII. Optional fields that are empty stay empty, so that the
// ledger fills in its defaults or keeps what it knows. With any problem the
// user is the zero value.
func Validate(f Fields) (pipeline.User, []Problem) { return validate(f, nil) }

// validate remembers in zones, unless it is nil, the time zones that it has
// seen to exist, since finding one out reads a file.
func validate(f Fields, zones map[string]bool) (pipeline.User, []Problem) {
	var c checker
	u := pipeline.User{
		ID:         c.required("id", f.ID, userID),
		Email:      c.required("email", f.Email, addrSpec),
		Name:       c.required("name", f.Name, personName),
		Country:    pipeline.Country(c.required("country", f.Country, country)),
		ExternalID: c.optional("external_id", f.ExternalID, externalID),
		Locale:     pipeline.Locale(c.optional("locale", f.Locale, locale)),
		TimeZone: c.optional("time_zone", f.TimeZone, func(s string) (string, error) {
			return timeZone(s, zones)
		}),
		Type:   pipeline.UserType(c.optional("type", f.Type, userType)),
		Status: pipeline.Status(c.optional("status", f.Status, status)),
	}
	if len(c.problems) > 0 {
		return pipeline.User{}, c.problems
	}
	return u, nil
}

// checker collects the problems of one row.
type checker struct{ problems []Problem }

// A rule returns the normalized value, or an error that is a reason.
type rule func(string) (string, error)

func (c *checker) required(column, value string, r rule) string {
	return c.check(column, value, func(s string) (string, error) {
		if s == "" {
			return "", errors.New("is required, but empty")
		}
		return r(s)
	})
}

func (c *checker) optional(column, value string, r rule) string {
	return c.check(column, value, func(s string) (string, error) {
		if s == "" {
			return "", nil
		}
		return r(s)
	})
}

func (c *checker) check(column, value string, r rule) string {
	value, err := cleanText(value)
	if err == nil {
		value, err = r(value)
	}
	if err != nil {
		c.problems = append(c.problems, Problem{Column: column, Reason: err.Error()})
		return ""
	}
	return value
}

// userID accepts what can stand as one segment of a URL path without escapes
// (the unreserved characters of RFC 3986, section 2.3), since the partner API
// takes the id there. "." and ".." would change the path.
func userID(s string) (string, error) {
	if s == "." || s == ".." {
		return "", errors.New("can't be a dot segment")
	}
	for _, r := range s {
		switch {
		case 'a' <= r && r <= 'z', 'A' <= r && r <= 'Z', '0' <= r && r <= '9', strings.ContainsRune("._~-", r):
		default:
			return "", fmt.Errorf("holds %q: expected letters without accents, digits and . _ ~ - only", r)
		}
	}
	return s, atMost(s, maxID)
}

func externalID(s string) (string, error) { return s, atMost(s, maxExternalID) }

func country(s string) (string, error) {
	c := strings.ToUpper(s)
	if c != string(pipeline.MX) && c != string(pipeline.DO) {
		return "", fmt.Errorf("is %s: expected MX or DO", quote(s))
	}
	return c, nil
}

// locale accepts the underscore of POSIX for the hyphen of BCP 47.
func locale(s string) (string, error) {
	tag := strings.ReplaceAll(s, "_", "-")
	for _, l := range []pipeline.Locale{pipeline.ESMX, pipeline.ESDO} {
		if strings.EqualFold(tag, string(l)) {
			return string(l), nil
		}
	}
	return "", fmt.Errorf("is %s: expected es-MX or es-DO", quote(s))
}

func userType(s string) (string, error) {
	t := strings.ToUpper(s)
	if t != string(pipeline.Individual) && t != string(pipeline.Business) {
		return "", fmt.Errorf("is %s: expected INDIVIDUAL or BUSINESS", quote(s))
	}
	return t, nil
}

// status refuses "erased": erasing a user deletes personal data for good, so
// it must not happen by a cell in a file.
func status(s string) (string, error) {
	word := strings.ToLower(s)
	if word == string(pipeline.Erased) {
		return "", errors.New(`"erased" can't be set from outside: erase a user with 'alta users erase ID'`)
	}
	var words []string
	for _, known := range pipeline.Statuses() {
		if known == pipeline.Erased {
			continue
		}
		if word == string(known) {
			return word, nil
		}
		words = append(words, string(known))
	}
	return "", fmt.Errorf("is %s: expected one of %s", quote(s), strings.Join(words, ", "))
}

func atMost(s string, limit int) error {
	if n := utf8.RuneCountInString(s); n > limit {
		return fmt.Errorf("has %d characters: at most %d are allowed", n, limit)
	}
	return nil
}
