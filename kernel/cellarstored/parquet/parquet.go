// Package parquet gives the live session's worker its reader of stored values. It is linked into the worker, never into a cell.
package parquet

import (
	"os"

	"github.com/cellar-go/cellar/assetlib/table"
	"github.com/cellar-go/cellar/kernel/cellarstored"
)

func init() {
	cellarstored.Read = func(file string, pointer any) error {
		f, err := os.Open(file)
		if err != nil {
			return err
		}
		defer f.Close()
		info, err := f.Stat()
		if err != nil {
			return err
		}
		return table.Read(f, info.Size(), pointer)
	}
}
