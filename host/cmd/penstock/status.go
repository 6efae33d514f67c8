package main

import (
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/penstock-vpn/penstock/host/internal/control"
	"github.com/penstock-vpn/penstock/host/ui"
)

func (a *app) statusCommand() *cobra.Command {
	var asJSON bool
	c := &cobra.Command{
		Use:   "status [--json]",
		Short: "Show the connections that are running",
		Args:  wantArgs(0, 0),
		RunE: func(c *cobra.Command, _ []string) error {
			all, failed := control.List(c.Context(), a.controlDirs())
			for _, err := range failed {
				a.out.diagnostic(warning(err))
			}
			if asJSON {
				return printJSON(a.out.out, all)
			}
			printStatus(a.out.out, all, time.Now(), a.outColor())
			return nil
		},
	}
	c.Flags().BoolVar(&asJSON, "json", false, "print a list of objects, for programs")
	return c
}

// controlDirs are where running connections are looked for.
func (a *app) controlDirs() []string {
	if a.runDirs != nil {
		return a.runDirs
	}
	return control.Dirs()
}

// printJSON prints a list; an empty one is [].
func printJSON[T any](w io.Writer, list []T) error {
	if list == nil {
		list = []T{}
	}
	e := json.NewEncoder(w)
	e.SetIndent("", "  ")
	return e.Encode(list)
}

// printStatus prints a block for each connection.
func printStatus(w io.Writer, all []control.Status, now time.Time, color bool) {
	if len(all) == 0 {
		_, _ = fmt.Fprintln(w, "No connection is running.")
		return
	}
	rows := [][]string{{"NAME", "STATE", "PROTOCOL", "INTERFACE", "ADDRESS", "THROUGH", "SINCE", "RECEIVED", "SENT"}}
	for _, s := range all {
		rows = append(rows, []string{
			ui.Line(s.Name), ui.Line(s.State), ui.Line(s.Protocol), dash(s.Interface), dash(addresses(s)), dash(s.Transport),
			since(s.ConnectedAt, now), size(s.RxBytes), size(s.TxBytes),
		})
	}
	printTable(w, rows, func(row, column int, text string) string {
		if row == 0 || column != 1 {
			return text
		}
		return paint(color, stateColor(all[row-1].State), text)
	})
}

func stateColor(state string) string {
	if state == control.Connected {
		return green
	}
	return yellow
}

func dash(text string) string {
	if text = ui.Line(text); text == "" {
		return "-"
	}
	return text
}

// since is how long ago at was, in two units: "2h3m".
func since(at, now time.Time) string {
	if at.IsZero() {
		return "-"
	}
	d := max(now.Sub(at), 0)
	switch {
	case d < time.Minute:
		return fmt.Sprintf("%ds", int(d.Seconds()))
	case d < time.Hour:
		return fmt.Sprintf("%dm%ds", int(d.Minutes()), int(d.Seconds())%60)
	case d < 24*time.Hour:
		return fmt.Sprintf("%dh%dm", int(d.Hours()), int(d.Minutes())%60)
	}
	return fmt.Sprintf("%dd%dh", int(d.Hours())/24, int(d.Hours())%24)
}

// printTable aligns columns; style may add what takes no room.
func printTable(w io.Writer, rows [][]string, style func(row, column int, text string) string) {
	var widths []int
	for _, row := range rows {
		for i, cell := range row {
			if i == len(widths) {
				widths = append(widths, 0)
			}
			widths[i] = max(widths[i], len([]rune(cell)))
		}
	}
	for r, row := range rows {
		var line strings.Builder
		for i, cell := range row {
			pad := strings.Repeat(" ", widths[i]-len([]rune(cell))+2)
			if i == len(row)-1 {
				pad = ""
			}
			line.WriteString(style(r, i, cell) + pad)
		}
		_, _ = fmt.Fprintln(w, line.String())
	}
}

// unstyled is a style for printTable.
func unstyled(_, _ int, text string) string { return text }
