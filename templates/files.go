package templates

import (
	"embed"
	"errors"
	"fmt"
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

func stepFile(l pipeline.Locale, s pipeline.Step, part string) string {
	return fmt.Sprintf("%s/%s.%s.tmpl", l, s, part)
}

// fileNames returns the name of every file that a set is made of.
func fileNames() []string {
	names := []string{layoutHTML, layoutText}
	for _, l := range locales() {
		names = append(names, voiceFile(l), wordsFile(l))
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
				"voice.txt, words.tmpl and STEP.PART.tmpl, where STEP is one of %s and PART one of subject, words, txt, html",
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
// and CR LF are taken off.
func readFile(path string) (file, error) {
	b, err := os.ReadFile(path)
	if err != nil {
		return file{}, err
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
