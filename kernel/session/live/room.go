package live

import "math/bits"

type integer interface {
	~int | ~int8 | ~int16 | ~int32 | ~int64 | ~uint | ~uint8 | ~uint16 | ~uint32 | ~uint64 | ~uintptr
}

// quick is the memory that is given without a question.
const quick = 64 << 20

// Room is n, the length of what is made, if there is memory for so many elements of a size. If not, the cell panics: the runtime would end
// the process.
func Room[I integer](n I, size uint64) I {
	if uint64(n) > quick/size {
		room(uint64(n), size)
	}
	return n
}

func room(n, size uint64) {
	high, asked := bits.Mul64(n, size)
	if high > 0 || asked >= 1<<47 { // negative, or more than there are addresses: the runtime panics
		return
	}
	Hooks.Room(asked)
}

// Repeat is strings.Repeat or bytes.Repeat.
func Repeat[S ~string | ~[]byte](repeat func(S, int) S) func(S, int) S {
	return func(s S, count int) S {
		if len(s) > 0 {
			Room(count, uint64(len(s)))
		}
		return repeat(s, count)
	}
}
