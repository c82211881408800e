package app

import (
	"github.com/spf13/cobra"

	"alta/pipeline"
)

// offer makes the shell complete a flag with its values.
func offer(c *cobra.Command, flag string, values ...string) {
	// The one error is a flag that does not exist, which the first call of any
	// test would show.
	if err := c.RegisterFlagCompletionFunc(flag, cobra.FixedCompletions(values, cobra.ShellCompDirectiveNoFileComp)); err != nil {
		panic(err)
	}
}

func words[S ~string](values []S) []string {
	list := make([]string, len(values))
	for i, v := range values {
		list[i] = string(v)
	}
	return list
}

func offerCountry(c *cobra.Command) {
	offer(c, "country", string(pipeline.MX), string(pipeline.DO))
}
