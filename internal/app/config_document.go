package app

import (
	"bytes"
	"errors"
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/pelletier/go-toml/v2"
	"github.com/pelletier/go-toml/v2/unstable"
)

// place is where in a file something stands; both count from 1, and columns
// count characters.
type place struct{ line, column int }

// document is one TOML file on its way into a [Config]. go-toml decodes it and
// stops at the first mistake in its grammar; everything above the grammar is
// read from the syntax tree here, because a user wants to see all mistakes at
// once, each with its position.
type document struct {
	file     string
	data     []byte
	tree     map[string]any
	settings map[string]setting
	tables   map[string]bool
	names    []string // of all settings, in order

	places   map[string]place // of the values that were found
	problems []ConfigProblem
	refused  map[string]bool // names that have a problem; what lies below them is left out
}

// readDocument decodes data into the settings of c. It returns the places of
// the values that it met, and every problem. A setting that has a problem keeps
// the value it had.
func readDocument(file string, data []byte, c *Config) (*document, error) {
	settings := settingsOf(c)
	d := &document{
		file: file, data: bytes.TrimPrefix(data, []byte("\ufeff")),
		settings: make(map[string]setting, len(settings)), tables: tablesOf(settings),
		places: map[string]place{}, refused: map[string]bool{},
	}
	for _, s := range settings {
		d.settings[s.name] = s
		d.names = append(d.names, s.name)
	}
	if err := toml.Unmarshal(d.data, &d.tree); err != nil {
		return nil, configError([]ConfigProblem{d.syntaxProblem(err)})
	}
	var parser unstable.Parser
	parser.Reset(d.data)
	var table []string
	for parser.NextExpression() {
		switch e := parser.Expression(); e.Kind {
		case unstable.Table, unstable.ArrayTable:
			var at int
			table, at, _ = keyOf(e)
			d.readHeader(table, e.Kind == unstable.ArrayTable, at)
		case unstable.KeyValue:
			d.readKeyValue(table, e)
		}
	}
	return d, nil
}

// readHeader checks a [table] or [[table]] header.
func (d *document) readHeader(path []string, array bool, at int) {
	name := nameOf(path)
	switch {
	case d.isRefused(name):
	case array && d.tables[name]:
		d.refuse(name, at, fmt.Sprintf("found [[%s]], expected [%s]", name, name))
	default:
		d.checkTable(path, at)
	}
}

// checkTable tells whether path may be a table, and reports it otherwise.
func (d *document) checkTable(path []string, at int) bool {
	for i := range path {
		name := nameOf(path[:i+1])
		switch {
		case d.isRefused(name):
			return false
		case d.tables[name]:
		case d.isSetting(name):
			d.refuse(name, at, "found a table, expected a value; write it as "+name[strings.LastIndexByte(name, '.')+1:]+" = …")
			return false
		default:
			d.refuse(name, at, d.unknown(name))
			return false
		}
	}
	return true
}

// readKeyValue stores one value, or the values of an inline table.
func (d *document) readKeyValue(table []string, e *unstable.Node) {
	key, keyAt, keyEnd := keyOf(e)
	path := append(table[:len(table):len(table)], key...)
	name := nameOf(path)
	if !d.checkTable(path[:len(path)-1], keyAt) || d.isRefused(name) {
		return
	}
	// The parser gives arrays no range of their own, so the value is found
	// behind the equals sign.
	valueAt := keyEnd + bytes.IndexByte(d.data[keyEnd:], '=') + 1
	for valueAt < len(d.data) && (d.data[valueAt] == ' ' || d.data[valueAt] == '\t') {
		valueAt++
	}
	value, known := d.lookup(path)
	switch {
	case !known: // It stands in an array of tables, which has a problem already.
	case d.isSetting(name):
		d.store(name, value, e.Value(), valueAt)
	case d.tables[name] && e.Value().Kind == unstable.InlineTable:
		for it := e.Value().Children(); it.Next(); {
			d.readKeyValue(path, it.Node())
		}
	case d.tables[name]:
		// The value is not repeated: [capa] written as capa = "…" invites a key.
		d.refuse(name, valueAt, fmt.Sprintf("found a single value, expected a table [%s]", name))
	default:
		d.refuse(name, keyAt, d.unknown(name))
	}
}

func (d *document) store(name string, value any, node *unstable.Node, at int) {
	d.places[name] = d.place(at)
	elements := []int{}
	if node.Kind == unstable.Array {
		for it := node.Children(); it.Next(); {
			elementAt := at
			if it.Node().Raw.Length > 0 {
				elementAt = int(it.Node().Raw.Offset)
			}
			d.places[elementName(name, len(elements))] = d.place(elementAt)
			elements = append(elements, elementAt)
		}
	}
	m := assign(d.settings[name].value, value)
	if m == nil {
		return
	}
	label := name
	if m.element >= 0 && m.element < len(elements) {
		label, at = elementName(name, m.element), elements[m.element]
	}
	found := m.found
	if isSecretFile(name) { // It may be the secret itself, put in the wrong place.
		found = "something else"
	}
	d.refuse(label, at, fmt.Sprintf("found %s, expected %s", found, m.expected))
	d.refused[name] = true
}

// unknown explains a name that alta does not have.
func (d *document) unknown(name string) string {
	if hint := secretHint(name); hint != "" {
		return hint
	}
	known := d.names
	for table := range d.tables {
		known = append(known[:len(known):len(known)], table)
	}
	if near := nearest(name, known); near != "" {
		return fmt.Sprintf("unknown setting, did you mean %s?", near)
	}
	return "unknown setting; config.toml in the documentation lists all"
}

func (d *document) refuse(name string, at int, text string) {
	p := d.place(at)
	d.problems = append(d.problems, ConfigProblem{File: d.file, Line: p.line, Column: p.column, Setting: name, Text: text})
	d.refused[name] = true
}

// isRefused tells whether the name or a table above it has a problem already.
func (d *document) isRefused(name string) bool {
	for refused := range d.refused {
		if name == refused || strings.HasPrefix(name, refused+".") {
			return true
		}
	}
	return false
}

func (d *document) isSetting(name string) bool {
	_, ok := d.settings[name]
	return ok
}

// lookup finds the decoded value of a key.
func (d *document) lookup(path []string) (any, bool) {
	var value any = d.tree
	for _, part := range path {
		table, ok := value.(map[string]any)
		if !ok {
			return nil, false
		}
		if value, ok = table[part]; !ok {
			return nil, false
		}
	}
	return value, true
}

func (d *document) place(offset int) place {
	before := d.data[:offset]
	lineStart := bytes.LastIndexByte(before, '\n') + 1
	return place{1 + bytes.Count(before, []byte("\n")), 1 + utf8.RuneCount(before[lineStart:])}
}

// offendingCharacter is how go-toml names a character of the document. It is
// cut from messages: the character may be the first one of a secret that
// somebody forgot to quote.
var offendingCharacter = regexp.MustCompile(`(?s)( but got|:)? U\+[0-9A-F]{4,}( '.')?`)

// syntaxProblem turns an error of go-toml into a problem. It leaves out the
// source lines that DecodeError.String shows, because they may hold secrets.
func (d *document) syntaxProblem(err error) ConfigProblem {
	problem := ConfigProblem{File: d.file}
	text := strings.TrimPrefix(err.Error(), "toml: ")
	if decode, ok := errors.AsType[*toml.DecodeError](err); ok {
		line, column := decode.Position()
		problem.Line, problem.Column = line, column
		// The column counts bytes; an editor counts characters.
		lines := bytes.SplitN(d.data, []byte("\n"), line+1)
		if text := lines[line-1]; column-1 <= len(text) {
			problem.Column = 1 + utf8.RuneCount(text[:column-1])
		}
	}
	text = offendingCharacter.ReplaceAllString(text, "")
	if strings.HasPrefix(text, "unable to parse float") { // It goes on with the number.
		text = "number out of range"
	}
	problem.Text = "not valid TOML: " + text
	if strings.Contains(text, "at start of value") {
		problem.Text += "; strings stand in quotes"
	}
	return problem
}

// keyOf returns the parts of the node's key and the offsets of its begin and
// end in the document.
func keyOf(node *unstable.Node) (path []string, begin, end int) {
	for it := node.Key(); it.Next(); {
		raw := it.Node().Raw
		if path == nil {
			begin = int(raw.Offset)
		}
		end = int(raw.Offset + raw.Length)
		path = append(path, string(it.Node().Data))
	}
	return path, begin, end
}

var bareKey = regexp.MustCompile(`^[A-Za-z0-9_-]{1,60}$`)

// nameOf joins the parts of a key. A part that is no bare key is quoted, so that
// no quoted key can pass for a dotted one; a long one is cut.
func nameOf(path []string) string {
	parts := make([]string, len(path))
	for i, part := range path {
		if parts[i] = part; !bareKey.MatchString(part) {
			parts[i] = shownString(part)
		}
	}
	return strings.Join(parts, ".")
}

func elementName(name string, index int) string { return name + "[" + strconv.Itoa(index) + "]" }
