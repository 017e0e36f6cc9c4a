package project

import (
	"fmt"
	"strconv"
	"strings"
)

// ParseBytes reads a size such as 500MB or 20GiB; "" is 0.
func ParseBytes(s string) (int64, error) {
	if s == "" {
		return 0, nil
	}
	units := []struct {
		name string
		size float64
	}{{"KiB", 1 << 10}, {"MiB", 1 << 20}, {"GiB", 1 << 30}, {"TiB", 1 << 40}, {"KB", 1e3}, {"MB", 1e6}, {"GB", 1e9}, {"TB", 1e12}, {"B", 1}, {"", 1}}
	for _, u := range units {
		if number, ok := strings.CutSuffix(s, u.name); ok {
			if f, err := strconv.ParseFloat(strings.TrimSpace(number), 64); err == nil && f >= 0 {
				return int64(f * u.size), nil
			}
		}
	}
	return 0, fmt.Errorf("%q is no size", s)
}
