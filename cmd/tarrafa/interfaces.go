package main

import (
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"github.com/tarrafa/tarrafa/internal/capture"
	"github.com/tarrafa/tarrafa/internal/words"
)

func interfacesCommand() *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use:     "interfaces",
		Aliases: []string{"list-interfaces"},
		Short:   "List the network interfaces that can be captured",
		Args:    noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return listInterfaces(cmd.OutOrStdout(), asJSON)
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print a JSON list")
	return cmd
}

func listInterfaces(w io.Writer, asJSON bool) error {
	list, err := capture.List()
	if err != nil {
		return &exitError{code: exitInterface, err: err}
	}
	if asJSON {
		enc := newEncoder(w)
		enc.SetIndent("", "  ")
		return enc.Encode(list)
	}
	width := 4
	for _, i := range list {
		width = max(width, len(i.Name))
	}
	for n, i := range list {
		mark := " "
		if i.Default {
			mark = "*"
		}
		if _, err := fmt.Fprintf(w, "%2d.%s %-*s  %-5s  %-36s  rx %d tx %d\n",
			n+1, mark, width, oneLine(i.Name), interfaceState(i), addressText(i), i.RxPackets, i.TxPackets); err != nil {
			return err
		}
	}
	_, err = words.Fprintf(w, "* default route; \"any\" captures from all of them\n")
	return err
}

func interfaceState(i capture.InterfaceInfo) string {
	switch {
	case !i.Up:
		return "down"
	case !i.Running:
		return "idle"
	}
	return "up"
}

func addressText(i capture.InterfaceInfo) string {
	var s []string
	for _, a := range i.Addresses {
		s = append(s, a.String())
	}
	return strings.Join(s, " ")
}
