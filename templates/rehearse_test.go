package templates

import "testing"

// The built-in templates go through the whole rehearsal here, so that Load need
// not repeat it at each start.
func TestTheBuiltInTemplatesPassTheWholeRehearsal(t *testing.T) {
	s := load(t, "")
	var found faults
	s.rehearse(&found, Options{Dir: "as if there were one", Lasting: true})
	for _, err := range found.errs {
		t.Error(err)
	}
}
