package main

import (
	"strings"

	"github.com/spf13/cobra"
)

func filterCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "filter EXPRESSION…",
		Short: "Check and explain a capture filter",
		RunE: func(_ *cobra.Command, args []string) error {
			return checkFilter(strings.Join(args, " "))
		},
	}
}
