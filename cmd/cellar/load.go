package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"github.com/cellar-go/cellar/assetlib/store"
	"github.com/cellar-go/cellar/assetlib/table"
	"github.com/cellar-go/cellar/internal/atomicfile"
	"github.com/cellar-go/cellar/internal/fault"
	"github.com/cellar-go/cellar/internal/ui"
	"github.com/cellar-go/cellar/project"
)

func newLoad(g *global) *cobra.Command {
	var at, output string
	var limit int
	c := &cobra.Command{
		Use:   "load ASSET",
		Short: "Print the stored value of an asset, or write its Parquet file",
		Args:  cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			p, err := g.open()
			if err != nil {
				return err
			}
			r, err := p.Record(c.Context(), args[0], at)
			if err != nil {
				return err
			}
			if output != "" {
				return export(c, p, r, output)
			}
			all := limit
			if g.json && !c.Flags().Changed("limit") {
				all = -1
			}
			return printValue(c, g, p, r, all)
		},
	}
	c.Flags().StringVar(&at, "at", "", "a revision: a commit, branch, tag, main~3")
	c.Flags().StringVarP(&output, "output", "o", "", "write the Parquet file here")
	c.Flags().IntVarP(&limit, "limit", "n", 20, "rows to print; -1 prints all (the default with --json)")
	return c
}

// export copies the Parquet file, whole or not at all.
func export(c *cobra.Command, p *project.Project, r *store.Record, output string) error {
	if info, err := os.Stat(output); err == nil && info.IsDir() {
		output = filepath.Join(output, filepath.Base(r.Asset)+".parquet")
	}
	if err := p.Store.Check(r.Object); err != nil {
		return err
	}
	file, err := p.Store.Object(r.Object)
	if err != nil {
		return err
	}
	text, err := os.ReadFile(file)
	if err != nil {
		return fault.New(fault.Storage, "", "read %s: %w", file, err)
	}
	if err := atomicfile.Write(output, text, 0o644); err != nil {
		return fault.New(fault.Storage, "name a file in a folder that can be written", "%w", err)
	}
	fmt.Fprintf(c.ErrOrStderr(), "%s · %s · %s\n", r.Asset, size(r.Kind, r.Rows, len(r.Columns)), output)
	return nil
}

// printValue prints rows as a table, or all of a value as JSON.
func printValue(c *cobra.Command, g *global, p *project.Project, r *store.Record, limit int) (err error) {
	path, err := p.Store.Object(r.Object)
	if err != nil {
		return err
	}
	f, err := os.Open(path)
	if err != nil {
		return fault.New(fault.Storage, "", "asset %s: %w", r.Asset, err)
	}
	defer f.Close()
	value, err := table.Open(f, r.Size)
	if err != nil {
		return damaged(r, err)
	}
	out := c.OutOrStdout()
	if r.Kind != "table" {
		rows, err := value.Rows(1, 0)
		if err != nil {
			return damaged(r, err)
		}
		return ui.JSON(out, rows[0])
	}
	rows, err := value.Rows(limit, 0)
	if err != nil {
		return damaged(r, err)
	}
	if g.json {
		return writeRows(out, rows)
	}
	var header []string
	for _, column := range r.Columns {
		header = append(header, column.Name)
	}
	var cells [][]string
	for _, row := range rows {
		cells = append(cells, row.Cells())
	}
	ui.Table(out, header, cells)
	fmt.Fprintf(out, "\n%s · %s · %s\n", r.Asset, size(r.Kind, r.Rows, len(r.Columns)), r.Object.Short())
	if int64(len(rows)) < r.Rows {
		fmt.Fprintf(out, "The first %d rows; -n -1 prints all, -o FILE.parquet writes the file.\n", len(rows))
	}
	return nil
}

// writeRows prints rows as a JSON array, a row a line.
func writeRows(w io.Writer, rows []table.Row) error {
	fmt.Fprint(w, "[")
	for i, row := range rows {
		text, err := row.MarshalJSON()
		if err != nil {
			return err
		}
		if i > 0 {
			fmt.Fprint(w, ",")
		}
		fmt.Fprintf(w, "\n%s", text)
	}
	_, err := fmt.Fprintln(w, "\n]")
	return err
}

func damaged(r *store.Record, err error) error {
	var m *fault.Mistake
	if errors.As(err, &m) && m.Hint != "" {
		return err
	}
	return fault.New(fault.Storage, fmt.Sprintf("cellar materialize --force %s", r.Asset), "asset %s: %w", r.Asset, err)
}
