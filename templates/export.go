package templates

import (
	"fmt"
	"os"
)

// Export writes the embedded templates to dir, to start a folder of overrides
// from. It makes dir when there is none, and never overwrites a file.
func Export(dir string) error {
	if err := os.CopyFS(dir, embedded); err != nil {
		return fmt.Errorf("write the templates to %s: %w", dir, err)
	}
	return nil
}
