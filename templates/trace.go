package templates

import (
	"fmt"
	"text/template/parse"
)

// usage is what the parse trees of a mail tell about the values in it.
type usage struct {
	// obstacle says where and why a template does more with a user's own value than to
	// show it or to ask whether there is one; "" when none does. Only then is a mail
	// made of constant text around values.
	obstacle string
	// rounds is the highest round that a template compares with: those above it
	// read alike.
	rounds int
	// everyRound is set where a template does anything else with the round.
	everyRound bool
}

// likeRound returns a round whose mails read as those of the given one do.
func (u *usage) likeRound(round int) int {
	if !u.everyRound && round > u.rounds {
		return u.rounds + 1
	}
	return round
}

// kind is what the value of an expression may depend on.
type kind int

const (
	constant kind = iota // nothing but the variant
	own                  // it is a value of the user's own, unchanged: Name, Link, Href, ValidUntil, OptOut or OptOutHref
	whole                // it is the *Variables
)

// tracer follows the variables through the parse trees. It knows every kind of
// node that it lets pass; whatever it does not know is an obstacle. It must see
// the trees before html/template adds its escapers to them.
type tracer struct {
	lookup func(name string) *parse.Tree
	seen   map[visit]bool
	found  *usage
}

// visit is one template, called with one kind of value.
type visit struct {
	tree *parse.Tree
	dot  kind
}

// scope is where an expression stands. All other variables than $ are constant:
// setting one to anything else is an obstacle.
type scope struct {
	tree     *parse.Tree
	dot, top kind
}

// trace adds to found what the tree and all that it calls do with the variables.
func trace(found *usage, root *parse.Tree, lookup func(name string) *parse.Tree) {
	t := &tracer{lookup: lookup, seen: map[visit]bool{}, found: found}
	t.template(root, whole)
}

func (t *tracer) template(tree *parse.Tree, dot kind) {
	if v := (visit{tree, dot}); !t.seen[v] {
		t.seen[v] = true
		t.list(tree.Root, scope{tree: tree, dot: dot, top: dot})
	}
}

func (t *tracer) list(l *parse.ListNode, s scope) {
	if l == nil {
		return
	}
	for _, n := range l.Nodes {
		t.node(n, s)
	}
}

func (t *tracer) node(n parse.Node, s scope) {
	switch n := n.(type) {
	case *parse.TextNode, *parse.CommentNode, *parse.BreakNode, *parse.ContinueNode:
	case *parse.ActionNode:
		if t.pipe(n.Pipe, s) == whole {
			t.stop(n, s, "all variables are shown at once")
		}
	case *parse.IfNode:
		t.condition(n.Pipe, s)
		t.list(n.List, s)
		t.list(n.ElseList, s)
	case *parse.WithNode:
		inner := s
		inner.dot = t.pipe(n.Pipe, s)
		t.list(n.List, inner)
		t.list(n.ElseList, s)
	case *parse.RangeNode:
		inner := s
		if inner.dot = t.pipe(n.Pipe, s); inner.dot != constant {
			t.stop(n, s, "a value is ranged over")
		}
		t.list(n.List, inner)
		t.list(n.ElseList, s)
	case *parse.TemplateNode:
		dot := constant
		if n.Pipe != nil {
			dot = t.pipe(n.Pipe, s)
		}
		called := t.lookup(n.Name)
		if called == nil {
			t.stop(n, s, "the template is not defined")
			return
		}
		t.template(called, dot)
	default:
		t.stop(n, s, "the action is not known")
	}
}

// condition follows a pipeline of which only the truth counts. That of a value is
// the same in all mails of a variant.
func (t *tracer) condition(p *parse.PipeNode, s scope) {
	if len(p.Decl) > 0 || len(p.Cmds) != 1 {
		t.pipe(p, s)
		return
	}
	args := p.Cmds[0].Args
	if function, ok := args[0].(*parse.IdentifierNode); !ok || !connects(function.Ident) {
		args = args[:0]
	}
	if len(args) < 2 {
		t.pipe(p, s)
		return
	}
	for _, arg := range args[1:] {
		if inner, ok := arg.(*parse.PipeNode); ok {
			t.condition(inner, s)
		} else {
			t.operand(arg, s)
		}
	}
}

// connects tells whether the truth of what a function returns depends on nothing
// but the truth of its arguments.
func connects(function string) bool {
	return function == "and" || function == "or" || function == "not"
}

func (t *tracer) pipe(p *parse.PipeNode, s scope) kind {
	result := constant
	for i, command := range p.Cmds {
		k := t.command(command, s)
		if i > 0 && (k != constant || result != constant) {
			t.stop(p, s, "a value is passed to a function")
		}
		result = k
	}
	for _, variable := range p.Decl {
		if result != constant {
			t.stop(p, s, "a value is kept in a variable")
		}
		if variable.Ident[0] == "$" {
			t.stop(p, s, "$ is set")
		}
	}
	return result
}

func (t *tracer) command(c *parse.CommandNode, s scope) kind {
	if len(c.Args) == 1 {
		return t.operand(c.Args[0], s)
	}
	if t.comparesRound(c.Args, s) {
		return constant
	}
	for _, arg := range c.Args {
		if t.operand(arg, s) != constant {
			t.stop(c, s, "a value is passed to a function")
		}
	}
	return constant
}

// comparesRound tells whether a call compares .Round with whole numbers, and
// notes the highest of them.
func (t *tracer) comparesRound(args []parse.Node, s scope) bool {
	function, ok := args[0].(*parse.IdentifierNode)
	if !ok {
		return false
	}
	switch function.Ident {
	case "eq", "ne", "lt", "le", "gt", "ge":
	default:
		return false
	}
	highest := t.found.rounds
	for _, arg := range args[1:] {
		if number, ok := arg.(*parse.NumberNode); ok && number.IsInt {
			highest = max(highest, int(number.Int64))
		} else if !isRound(arg, s) {
			return false
		}
	}
	t.found.rounds = highest
	return true
}

func isRound(n parse.Node, s scope) bool {
	switch n := n.(type) {
	case *parse.FieldNode:
		return s.dot == whole && len(n.Ident) == 1 && n.Ident[0] == "Round"
	case *parse.VariableNode:
		return s.top == whole && len(n.Ident) == 2 && n.Ident[0] == "$" && n.Ident[1] == "Round"
	}
	return false
}

func (t *tracer) operand(n parse.Node, s scope) kind {
	switch n := n.(type) {
	case *parse.DotNode:
		return s.dot
	case *parse.FieldNode:
		return t.field(n, s, s.dot, n.Ident)
	case *parse.VariableNode:
		if n.Ident[0] == "$" {
			return t.field(n, s, s.top, n.Ident[1:])
		}
		return constant
	case *parse.ChainNode:
		return t.field(n, s, t.operand(n.Node, s), n.Field)
	case *parse.PipeNode:
		return t.pipe(n, s)
	case *parse.IdentifierNode, *parse.BoolNode, *parse.NilNode, *parse.NumberNode, *parse.StringNode:
		return constant
	default:
		t.stop(n, s, "the expression is not known")
		return constant
	}
}

// field returns the kind of a chain of fields and methods of a value.
func (t *tracer) field(n parse.Node, s scope, of kind, names []string) kind {
	if of == constant || len(names) == 0 {
		return of
	}
	if of == whole {
		switch names[0] {
		case "Brand", "Country", "Locale", "Business", "Lasting", "Say":
			return constant
		case "Round":
			t.found.everyRound = true
			return constant
		case "Name", "Link", "Href", "ValidUntil", "OptOut", "OptOutHref":
			if len(names) == 1 {
				return own
			}
		}
	}
	t.stop(n, s, "the field is not known")
	return constant
}

// stop keeps the first obstacle.
func (t *tracer) stop(n parse.Node, s scope, why string) {
	if t.found.obstacle == "" {
		where, code := s.tree.ErrorContext(n)
		t.found.obstacle = fmt.Sprintf("%s: %s: %s", where, why, code)
	}
}
