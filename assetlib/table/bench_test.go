package table_test

import (
	"bytes"
	"fmt"
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
	for b.Loop() {
		var buf counter
		start := cpu()
		if _, err := table.Write(&buf, rows); err != nil {
			b.Fatal(err)
		}
		b.ReportMetric((cpu() - start).Seconds(), "cpu-s")
		b.ReportMetric(float64(buf)/1e6, "file-MB")
	}
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
	for b.Loop() {
		var rows []T
		start := cpu()
		if err := table.Read(bytes.NewReader(file), int64(len(file)), &rows); err != nil {
			b.Fatal(err)
		}
		b.ReportMetric((cpu() - start).Seconds(), "cpu-s")
	}
}

func BenchmarkHash5M(b *testing.B) {
	var buf bytes.Buffer
	if _, err := table.Write(&buf, fiveMillion()); err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		start := cpu()
		if err := table.Verify(bytes.NewReader(buf.Bytes()), int64(buf.Len())); err != nil {
			b.Fatal(err)
		}
		b.ReportMetric((cpu() - start).Seconds(), "cpu-s")
	}
}

type counter int64

func (c *counter) Write(p []byte) (int, error) { *c += counter(len(p)); return len(p), nil }
