package table

import (
	"bytes"
	"encoding/binary"

	"github.com/zeebo/xxh3"
)

// dictionary numbers the different strings of a chunk, until there are too many for it to pay.
type dictionary struct {
	slots  []uint32 // hash table: number+1
	starts []uint32 // of each string's bytes in plain
	plain  []byte   // the strings in PLAIN encoding
	n      int
	closed bool
}

const (
	dictBytes = 1 << 20
	dictSlots = 1 << 17 // with at most half as many strings
	dictProbe = 4096    // after so many values, a dictionary with more than half of them different is given up
)

func newDictionary() *dictionary { return &dictionary{slots: make([]uint32, 1<<10)} }

// page numbers the strings of a page. If there are too many, the dictionary stays as it was, and takes no more pages.
func (d *dictionary) page(vals []byte, index []int32) ([]int32, bool) {
	if d.closed {
		return nil, false
	}
	n, size, first := d.n, len(d.plain), d.n == 0
	for len(vals) > 0 {
		end := 4 + int(binary.LittleEndian.Uint32(vals))
		index = append(index, d.number(vals[:end]))
		vals = vals[end:]
		if d.n > dictSlots/2 || len(d.plain) > dictBytes || first && len(index) == dictProbe && d.n > dictProbe/2 {
			d.n, d.plain, d.starts, d.closed = n, d.plain[:size], d.starts[:n], true
			return nil, false
		}
	}
	return index, true
}

// number is the number of a string, given with its length before it.
func (d *dictionary) number(v []byte) int32 {
	mask := uint64(len(d.slots) - 1)
	for i := xxh3.Hash(v[4:]); ; i++ {
		slot := &d.slots[i&mask]
		if *slot == 0 {
			d.starts = append(d.starts, uint32(len(d.plain)))
			d.plain = append(d.plain, v...)
			d.n++
			*slot = uint32(d.n)
			if d.n*2 > len(d.slots) {
				d.grow()
			}
			return int32(d.n - 1)
		}
		at := d.starts[*slot-1]
		if rest := d.plain[at:]; len(rest) >= len(v) && bytes.Equal(rest[:len(v)], v) {
			return int32(*slot - 1)
		}
	}
}

func (d *dictionary) grow() {
	d.slots = make([]uint32, 2*len(d.slots))
	mask := uint64(len(d.slots) - 1)
	for k, at := range d.starts {
		n := binary.LittleEndian.Uint32(d.plain[at:])
		i := xxh3.Hash(d.plain[at+4 : at+4+n])
		for d.slots[i&mask] != 0 {
			i++
		}
		d.slots[i&mask] = uint32(k + 1)
	}
}
