package templates

import (
	"errors"
	"fmt"
	htmltemplate "html/template"
	texttemplate "text/template"
	"text/template/parse"

	"alta/pipeline"
)

// mail holds the templates of one locale and step. Text and HTML are layouts
// that the step's own file has filled in.
type mail struct {
	subject  *texttemplate.Template
	text     *texttemplate.Template
	html     *htmltemplate.Template
	usage    usage
	variants variants
}

// textPieces and htmlPieces are what a step's file must define.
func textPieces() []string { return []string{"body"} }

func htmlPieces() []string { return []string{"title", "preheader", "body"} }

// parseMail parses the files of one mail. The locale's words and the step's are
// parsed into every part, so that a phrase is written once and each part escapes
// the values in it by its own rules.
func parseMail(files map[string]file, l pipeline.Locale, s pipeline.Step) (*mail, error) {
	optOut, words, paragraphs := files[optOutFile(l)], files[wordsFile(l)], files[stepFile(l, s, partWords)]
	subject, err1 := parseText(nil, files[stepFile(l, s, partSubject)], optOut, words, paragraphs)
	text, err2 := parseText(textPieces(), files[layoutText], optOut, words, paragraphs, files[stepFile(l, s, partText)])
	page, err3 := parseHTML(htmlPieces(), files[layoutHTML], optOut, words, paragraphs, files[stepFile(l, s, partHTML)])
	if err := errors.Join(err1, err2, err3); err != nil {
		return nil, err
	}
	m := &mail{subject: subject, text: text, html: page}
	// The first execution of a page changes its trees, so they are looked at before.
	trace(&m.usage, subject.Tree, textTrees(subject))
	trace(&m.usage, text.Tree, textTrees(text))
	trace(&m.usage, page.Tree, htmlTrees(page))
	return m, nil
}

// parseText parses the files into one template, named after the first; the
// last must define the pieces.
func parseText(pieces []string, files ...file) (*texttemplate.Template, error) {
	root := texttemplate.New(files[0].origin).Funcs(functions()).Option("missingkey=error")
	for i, f := range files {
		t := root
		if i > 0 {
			t = root.New(f.origin)
		}
		if _, err := t.Parse(f.text); err != nil {
			return nil, err
		}
	}
	var errs []error
	for _, piece := range pieces {
		if t := root.Lookup(piece); t == nil || t.Tree == nil {
			errs = append(errs, missingPiece(files, piece))
		}
	}
	return root, errors.Join(errs...)
}

// parseHTML does the same as parseText for HTML.
func parseHTML(pieces []string, files ...file) (*htmltemplate.Template, error) {
	root := htmltemplate.New(files[0].origin).Funcs(functions()).Option("missingkey=error")
	for i, f := range files {
		t := root
		if i > 0 {
			t = root.New(f.origin)
		}
		if _, err := t.Parse(f.text); err != nil {
			return nil, err
		}
	}
	var errs []error
	for _, piece := range pieces {
		if t := root.Lookup(piece); t == nil || t.Tree == nil {
			errs = append(errs, missingPiece(files, piece))
		}
	}
	return root, errors.Join(errs...)
}

// textTrees returns how to look up a template that root calls.
func textTrees(root *texttemplate.Template) func(string) *parse.Tree {
	return func(name string) *parse.Tree {
		if t := root.Lookup(name); t != nil {
			return t.Tree
		}
		return nil
	}
}

// htmlTrees does the same as textTrees for HTML.
func htmlTrees(root *htmltemplate.Template) func(string) *parse.Tree {
	return func(name string) *parse.Tree {
		if t := root.Lookup(name); t != nil {
			return t.Tree
		}
		return nil
	}
}

func missingPiece(files []file, piece string) error {
	return fmt.Errorf("%s: {{define %q}} is missing", files[len(files)-1].origin, piece)
}
