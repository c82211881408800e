package templates

import (
	"embed"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"unicode/utf8"

	"alta/pipeline"
)

//go:embed layout.*.tmpl es-MX es-DO
var embedded embed.FS

// The files that all locales share.
const (
	layoutText = "layout.txt.tmpl"
	layoutHTML = "layout.html.tmpl"
)

// The parts of a mail, as file names spell them.
const (
	partSubject = "subject"
	partText    = "txt"
	partHTML    = "html"
	partWords   = "words" // no part of its own: the paragraphs that text and page share
)

// maxFile is the longest template, in bytes; a mail is smaller than half of it.
const maxFile = 256 << 10

// mostWrong is how many wrong files of a folder are named: one that is no folder
// of templates may hold a million.
const mostWrong = 20

// file is one template as it was read.
type file struct {
	origin string // what an error calls it: its path, with the folder if it overrides
	text   string
}

// locales returns every locale that mails are written in.
func locales() []pipeline.Locale { return []pipeline.Locale{pipeline.ESMX, pipeline.ESDO} }

// countries returns every country that users come from.
func countries() []pipeline.Country { return []pipeline.Country{pipeline.MX, pipeline.DO} }

func voiceFile(l pipeline.Locale) string { return string(l) + "/voice.txt" }

func wordsFile(l pipeline.Locale) string { return string(l) + "/words.tmpl" }

// optOutFile is apart from the words, so that a folder that overrides those, and
// was written before there was such a phrase, still has it.
func optOutFile(l pipeline.Locale) string { return string(l) + "/optout.tmpl" }

func stepFile(l pipeline.Locale, s pipeline.Step, part string) string {
	return fmt.Sprintf("%s/%s.%s.tmpl", l, s, part)
}

// fileNames returns the name of every file that a set is made of.
func fileNames() []string {
	names := []string{layoutHTML, layoutText}
	for _, l := range locales() {
		names = append(names, voiceFile(l), wordsFile(l), optOutFile(l))
		for _, s := range pipeline.Steps() {
			for _, part := range []string{partSubject, partWords, partText, partHTML} {
				names = append(names, stepFile(l, s, part))
			}
		}
	}
	return names
}

// readFiles returns the embedded files by name, replaced by those of dir.
func readFiles(dir string) (map[string]file, error) {
	files, err := readEmbedded(embedded)
	if dir != "" {
		err = errors.Join(err, override(files, dir))
	}
	return files, err
}

// readEmbedded reads every file of the set and names those that are missing.
func readEmbedded(fsys fs.FS) (map[string]file, error) {
	files := map[string]file{}
	var errs []error
	for _, name := range fileNames() {
		b, err := fs.ReadFile(fsys, name)
		if err != nil {
			errs = append(errs, fmt.Errorf("missing file %s", name))
			continue
		}
		files[name] = file{origin: name, text: string(b)}
	}
	return files, errors.Join(errs...)
}

// override replaces files by those in dir. Every file there must have a name
// of the set, so that a misspelt one is not silently without effect; names that
// begin with a dot are left alone.
func override(files map[string]file, dir string) error {
	var errs []error
	err := filepath.WalkDir(dir, func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if len(errs) >= mostWrong {
			errs = append(errs, fmt.Errorf("%s: more files are wrong and are not listed", dir))
			return fs.SkipAll
		}
		if path != dir && strings.HasPrefix(entry.Name(), ".") {
			if entry.IsDir() {
				return filepath.SkipDir
			}
			return nil
		}
		name, err := filepath.Rel(dir, path)
		if err != nil {
			return err
		}
		name = filepath.ToSlash(name)
		switch {
		case entry.IsDir() && (name == "." || slices.Contains(locales(), pipeline.Locale(name))):
		case entry.IsDir():
			errs = append(errs, fmt.Errorf("%s: no such locale; the locales are %s", path, join(locales())))
			return filepath.SkipDir
		case !slices.Contains(fileNames(), name):
			errs = append(errs, fmt.Errorf("%s: no template has this name; the names are %s, %s and, in the folder of a locale, "+
				"voice.txt, words.tmpl, optout.tmpl and STEP.PART.tmpl, where STEP is one of %s and PART one of subject, words, txt, html",
				path, layoutHTML, layoutText, join(pipeline.Steps())))
		default:
			f, err := readFile(path)
			if err != nil {
				errs = append(errs, err)
				break
			}
			files[name] = f
		}
		return nil
	})
	return errors.Join(append(errs, err)...)
}

// readFile reads a file as editors of any system leave it: a byte order mark
// and CR LF are taken off. A pipe or a device is refused, for it could block the
// start for ever.
func readFile(path string) (file, error) {
	info, err := os.Stat(path)
	if err != nil {
		return file{}, err
	}
	if !info.Mode().IsRegular() {
		return file{}, fmt.Errorf("%s: not a regular file", path)
	}
	f, err := os.Open(path)
	if err != nil {
		return file{}, err
	}
	defer func() { _ = f.Close() }() // Nothing was written.
	b, err := io.ReadAll(io.LimitReader(f, maxFile+1))
	if err != nil {
		return file{}, err
	}
	if len(b) > maxFile {
		return file{}, fmt.Errorf("%s: longer than 256 KiB", path)
	}
	if !utf8.Valid(b) {
		return file{}, fmt.Errorf("%s: not valid UTF-8", path)
	}
	text := strings.ReplaceAll(strings.TrimPrefix(string(b), "\ufeff"), "\r\n", "\n")
	return file{origin: path, text: text}, nil
}

func join[S ~string](words []S) string {
	list := make([]string, len(words))
	for i, w := range words {
		list[i] = string(w)
	}
	return strings.Join(list, ", ")
}
