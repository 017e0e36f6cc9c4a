package table

import (
	"encoding/binary"
	"encoding/hex"
	"math"

	"github.com/parquet-go/parquet-go/format"
	"github.com/zeebo/xxh3"
)

// blockRows is the number of rows that are hashed together. A column's hash is made of its blocks' hashes, so that blocks can be
// hashed in any order; the size is part of the format.
const blockRows = 1 << 10

// digest is the hash of one block of one leaf.
type digest [32]byte

// leafHash hashes one leaf: the values that are there, as Parquet's PLAIN encoding has them, and the shape of what is not.
// docs/formats/values.md says it byte by byte.
type leafHash struct {
	n              *node
	values, levels xxh3.Hasher
	rep, def       uint8 // the current run of equal levels
	run            uint64
	zone           string // the current run of equal time zones, "" for UTC
	zoneRun        uint64
	zoned          bool // a zone other than UTC came up in this block
	zones          []byte
	scratch        []byte
}

func newLeafHash(n *node) *leafHash { return &leafHash{n: n} }

// addLevels takes the levels of entries: nil defs mean that every value is there, nil reps that none is repeated.
func (h *leafHash) addLevels(reps, defs []uint8, entries int) {
	if reps == nil && defs == nil {
		h.level(0, h.n.top, uint64(entries))
		return
	}
	for i := range entries {
		rep, def := uint8(0), h.n.top
		if reps != nil {
			rep = reps[i]
		}
		if defs != nil {
			def = h.n.canon[defs[i]]
		}
		if rep == h.rep && def == h.def {
			h.run++
			continue
		}
		h.level(rep, def, 1)
	}
}

func (h *leafHash) level(rep, def uint8, count uint64) {
	if rep != h.rep || def != h.def {
		h.endRun()
		h.rep, h.def = rep, def
	}
	h.run += count
}

func (h *leafHash) endRun() {
	if h.run == 0 {
		return
	}
	b := binary.AppendUvarint([]byte{h.rep, h.def}, h.run)
	h.levels.Write(b)
	h.run = 0
}

// addPlain takes values in PLAIN encoding (booleans a byte each).
func (h *leafHash) addPlain(b []byte) {
	switch {
	case h.n.leaf.class == cDecimal:
		h.addDecimals(b)
		return
	case h.n.leaf.phys == format.Double:
		b = h.oneNaN64(b)
	case h.n.leaf.phys == format.Float:
		b = h.oneNaN32(b)
	}
	h.values.Write(b)
}

// oneNaN64 makes every NaN the same one; the stored file keeps them as they are.
func (h *leafHash) oneNaN64(b []byte) []byte {
	copied := false
	for i := 0; i+8 <= len(b); i += 8 {
		if u := binary.LittleEndian.Uint64(b[i:]); u&^(1<<63) > 0x7FF0000000000000 {
			if !copied {
				h.scratch = append(h.scratch[:0], b...)
				b, copied = h.scratch, true
			}
			binary.LittleEndian.PutUint64(b[i:], math.Float64bits(math.NaN()))
		}
	}
	return b
}

func (h *leafHash) oneNaN32(b []byte) []byte {
	copied := false
	for i := 0; i+4 <= len(b); i += 4 {
		if u := binary.LittleEndian.Uint32(b[i:]); u&^(1<<31) > 0x7F800000 {
			if !copied {
				h.scratch = append(h.scratch[:0], b...)
				b, copied = h.scratch, true
			}
			binary.LittleEndian.PutUint32(b[i:], 0x7FC00000)
		}
	}
	return b
}

// addDecimals takes decimals as their shortest two's complement form, since writers choose between four physical types.
func (h *leafHash) addDecimals(b []byte) {
	out := h.scratch[:0]
	for len(b) > 0 {
		var v []byte
		v, b = nextDecimal(h.n.leaf, b)
		out = append(out, byte(len(v)))
		out = append(out, v...)
	}
	h.scratch = out
	h.values.Write(out)
}

// nextDecimal splits the first decimal off PLAIN bytes: big-endian, without needless leading bytes.
func nextDecimal(t leafType, b []byte) (v, rest []byte) {
	switch t.phys {
	case format.Int32:
		v, rest = binary.BigEndian.AppendUint32(nil, binary.LittleEndian.Uint32(b)), b[4:]
	case format.Int64:
		v, rest = binary.BigEndian.AppendUint64(nil, binary.LittleEndian.Uint64(b)), b[8:]
	case format.FixedLenByteArray:
		v, rest = b[:t.length], b[t.length:]
	default:
		n := int(binary.LittleEndian.Uint32(b))
		v, rest = b[4:4+n], b[4+n:]
	}
	for len(v) > 1 && (v[0] == 0 && v[1] < 0x80 || v[0] == 0xFF && v[1] >= 0x80) {
		v = v[1:]
	}
	return v, rest
}

// addZone takes the time zone of the next count values; "" is UTC.
func (h *leafHash) addZone(name string, count uint64) {
	h.zoned = h.zoned || name != ""
	if name != h.zone {
		h.endZone()
		h.zone = name
	}
	h.zoneRun += count
}

func (h *leafHash) endZone() {
	if h.zoneRun > 0 {
		h.zones = append(binary.AppendUvarint(h.zones, h.zoneRun), h.zone...)
		h.zones = append(h.zones, 0)
		h.zoneRun = 0
	}
}

// block ends a block of rows.
func (h *leafHash) block() (d digest) {
	h.endRun()
	h.endZone()
	if h.zoned {
		h.levels.Write(h.zones)
	}
	v, l := h.values.Sum128().Bytes(), h.levels.Sum128().Bytes()
	copy(d[:16], v[:])
	copy(d[16:], l[:])
	h.values.Reset()
	h.levels.Reset()
	h.rep, h.def, h.zone, h.zoned, h.zones = 0, 0, "", false, h.zones[:0]
	return d
}

// summarise makes the column and content hashes of the blocks of every leaf.
func summarise(root *node, leaves []*node, blocks [][]digest) (columns []Column, content string) {
	var all xxh3.Hasher
	for _, k := range root.kids {
		var h xxh3.Hasher
		for i, leaf := range leaves[k.first:k.last] {
			h.WriteString(leaf.path + "\x00" + leaf.leaf.String() + "\x00")
			for _, d := range blocks[k.first+i] {
				h.Write(d[:])
			}
		}
		c := Column{Name: k.name, Type: k.String(), Hash: hashText(&h)}
		all.WriteString(c.Name + "\x00" + c.Type + "\x00" + c.Hash + "\n")
		columns = append(columns, c)
	}
	return columns, hashText(&all)
}

func hashText(h *xxh3.Hasher) string {
	sum := h.Sum128().Bytes()
	return "x3:" + hex.EncodeToString(sum[:])
}
