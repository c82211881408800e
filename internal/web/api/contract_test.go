package api_test

import (
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"

	"alta/internal/web/api"
)

func readContract(t *testing.T) *openapi3.T {
	t.Helper()
	doc, err := openapi3.NewLoader().LoadFromData(api.Contract())
	if err != nil {
		t.Fatal(err)
	}
	return doc
}

func TestTheContractIsOpenAPI(t *testing.T) {
	if err := readContract(t).Validate(t.Context()); err != nil {
		t.Error(err)
	}
}

// Whoever adds a route writes it into the contract, and the other way round.
func TestTheContractHasTheRoutes(t *testing.T) {
	var promised, served []string
	for path, item := range readContract(t).Paths.Map() {
		for method := range item.Operations() {
			promised = append(promised, method+" "+api.Prefix+path)
		}
	}
	for _, route := range api.Routes(api.Options{PerMinute: 1}) {
		served = append(served, route.Method+" "+route.Path)
		if changes := route.Method != http.MethodGet; changes != route.Operators {
			t.Errorf("%s %s changes something: %v, and is for operators: %v", route.Method, route.Path, changes, route.Operators)
		}
	}
	slices.Sort(promised)
	slices.Sort(served)
	if !slices.Equal(promised, served) {
		t.Errorf("the contract has\n%s\nand these are served:\n%s", strings.Join(promised, "\n"), strings.Join(served, "\n"))
	}
}

func TestTheContractHasTheKindsOfProblems(t *testing.T) {
	var promised, made []string
	for _, word := range readContract(t).Components.Schemas["Problem"].Value.Properties["type"].Value.Enum {
		promised = append(promised, word.(string))
	}
	for _, k := range api.Kinds() {
		made = append(made, k.Type())
	}
	slices.Sort(promised)
	slices.Sort(made)
	if !slices.Equal(promised, made) {
		t.Errorf("the contract has %v, and there are %v", promised, made)
	}
}
