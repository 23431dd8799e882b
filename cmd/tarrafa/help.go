package main

import (
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/tarrafa/tarrafa/internal/words"
)

// translateHelp puts the help of a command and of all below it into the chosen language.
func translateHelp(root *cobra.Command) {
	if words.Chosen() == words.English {
		return
	}
	root.InitDefaultHelpCmd()
	root.InitDefaultCompletionCmd()
	root.SetUsageTemplate(headings(root.UsageTemplate()))
	helpTexts(root, func(text *string) { *text = words.T(*text) })
	helpOfHelp(root)
}

// helpTexts calls do with each text that the help of a command, and of all below it, shows.
func helpTexts(cmd *cobra.Command, do func(text *string)) {
	cmd.InitDefaultHelpFlag()
	do(&cmd.Short)
	do(&cmd.Long)
	cmd.Flags().VisitAll(func(f *pflag.Flag) {
		if f.Name != "help" {
			do(&f.Usage)
		}
	})
	for _, c := range cmd.Commands() {
		if c.Name() != "completion" { // its long texts are the library's
			helpTexts(c, do)
		}
	}
}

// helpOfHelp translates what the library says of each --help.
func helpOfHelp(cmd *cobra.Command) {
	cmd.Flags().Lookup("help").Usage = words.Sprintf("help for %s", cmd.Name())
	for _, c := range cmd.Commands() {
		if c.Name() != "completion" {
			helpOfHelp(c)
		}
	}
}

// headings translates those of the library's usage template.
func headings(template string) string {
	return strings.NewReplacer(
		"Usage:", words.T("Usage:"),
		"Examples:", words.T("Examples:"),
		"Available Commands:", words.T("Available Commands:"),
		"Additional Commands:", words.T("Additional Commands:"),
		"Global Flags:", words.T("Global Flags:"),
		"Flags:", words.T("Flags:"),
		`Use "{{.CommandPath}} [command] --help" for more information about a command.`,
		words.T(`Use "{{.CommandPath}} [command] --help" for more information about a command.`),
	).Replace(template)
}
