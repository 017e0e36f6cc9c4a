package table_test

import (
	"bytes"
	"fmt"
	"math"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"github.com/cellar-go/cellar/assetlib/table"
)

// wideRow is the shape of the measurements in docs/formats/values.md; testdata/peer_pyarrow.py makes the same.
type wideRow struct {
	ID    int64
	Value float64
	Name  string
	Code  string
	At    time.Time
	Flag  bool
	Maybe *float64
}

func wide(n int) []wideRow {
	r := rand.New(rand.NewPCG(1, 2))
	rows := make([]wideRow, n)
	maybe := make([]float64, n)
	start := time.Date(2013, 1, 1, 0, 0, 0, 0, time.UTC)
	for i := range rows {
		maybe[i] = r.NormFloat64()
		rows[i] = wideRow{int64(i), r.NormFloat64(), fmt.Sprintf("name-%07d", r.IntN(5_000_000)), fmt.Sprintf("code-%02d", r.IntN(100)),
			start.Add(time.Duration(i) * time.Second), r.IntN(2) == 0, nil}
		if r.IntN(10) > 0 {
			rows[i].Maybe = &maybe[i]
		}
	}
	return rows
}

var fiveMillion = sync.OnceValue(func() []wideRow { return wide(5_000_000) })

func BenchmarkWrite5M(b *testing.B) {
	rows := fiveMillion()
	b.ResetTimer()
	var buf counter
	best(b, func() error {
		buf = 0
		_, err := table.Write(&buf, rows)
		return err
	})
	b.ReportMetric(float64(buf)/1e6, "file-MB")
}

func BenchmarkRead5M(b *testing.B) {
	var buf bytes.Buffer
	if _, err := table.Write(&buf, fiveMillion()); err != nil {
		b.Fatal(err)
	}
	b.Run("all", func(b *testing.B) { readBench[wideRow](b, buf.Bytes()) })
	type two struct {
		ID    int64
		Value float64
	}
	b.Run("2of7", func(b *testing.B) { readBench[two](b, buf.Bytes()) })
}

func readBench[T any](b *testing.B, file []byte) {
	best(b, func() error {
		var rows []T
		return table.Read(bytes.NewReader(file), int64(len(file)), &rows)
	})
}

func BenchmarkHash5M(b *testing.B) {
	var buf bytes.Buffer
	if _, err := table.Write(&buf, fiveMillion()); err != nil {
		b.Fatal(err)
	}
	best(b, func() error { return table.Verify(bytes.NewReader(buf.Bytes()), int64(buf.Len())) })
}

// best reports the least CPU seconds of all rounds, as the peer does: other processes can only add to them.
func best(b *testing.B, work func() error) {
	least := time.Duration(math.MaxInt64)
	for b.Loop() {
		start := cpu()
		if err := work(); err != nil {
			b.Fatal(err)
		}
		least = min(least, cpu()-start)
	}
	b.ReportMetric(least.Seconds(), "cpu-s")
}

type counter int64

func (c *counter) Write(p []byte) (int, error) { *c += counter(len(p)); return len(p), nil }
