package journal

import (
	"bufio"
	"bytes"
	"fmt"
	"hash/crc32"
	"io"
	"os"
)

// maxHead bounds what a damaged line may make us read.
const maxHead = 1 << 24

// scanner reads pieces until the first that is not whole.
type scanner struct {
	file   *os.File
	size   int64
	at     int64
	r      *bufio.Reader
	buffer []byte
}

func (s *scanner) next() (mark byte, head []byte, body span, ok bool) {
	if s.r == nil {
		s.r = bufio.NewReaderSize(io.NewSectionReader(s.file, 0, s.size), bufferSize)
	}
	var heads, bodies int
	var sum uint32
	start, err := s.r.Peek(64)
	if err != nil && err != io.EOF {
		return 0, nil, span{}, false
	}
	line := start
	for range 4 { // mark, two lengths and the checksum
		i := bytes.IndexByte(line, ' ')
		if i < 0 {
			return 0, nil, span{}, false
		}
		line = line[i+1:]
	}
	prefix := len(start) - len(line)
	if n, err := fmt.Sscanf(string(start[:prefix]), "%c %d %d %x ", &mark, &heads, &bodies, &sum); n != 4 || err != nil {
		return 0, nil, span{}, false
	}
	if mark != '=' && mark != '+' && mark != markSynced || heads < 0 || heads > maxHead || bodies < 0 || bodies > pieceSize || s.at+int64(prefix+heads+bodies+2) > s.size {
		return 0, nil, span{}, false
	}
	s.r.Discard(prefix)
	s.buffer = append(s.buffer[:0], make([]byte, heads+1+bodies+1)...)
	if _, err := io.ReadFull(s.r, s.buffer); err != nil {
		return 0, nil, span{}, false
	}
	head, text := s.buffer[:heads], s.buffer[heads+1:heads+1+bodies]
	if s.buffer[heads] != '\n' || s.buffer[len(s.buffer)-1] != '\n' || crc32.Update(crc32.Checksum(head, checksum), checksum, text) != sum {
		return 0, nil, span{}, false
	}
	body = span{at: s.at + int64(prefix+heads+1), size: bodies}
	s.at += int64(prefix + len(s.buffer))
	return mark, head, body, true
}

// damaged reports whether what can't be read is more than what a crash has torn: a mark stands somewhere after it, so it was synced, or it is
// the file's beginning and looks like nothing that was to become a record. (Whole records after it don't say that: after a loss of power a file
// may have its length, and zeros here and there.)
func (s *scanner) damaged() bool {
	first := []byte{0}
	if _, err := s.file.ReadAt(first, 0); s.at == 0 && err == nil && !bytes.Contains([]byte("=+\x00"), first) {
		return true
	}
	rest := bufio.NewReaderSize(io.NewSectionReader(s.file, s.at, s.size-s.at), bufferSize)
	for at := s.at; ; {
		line, err := rest.ReadSlice('\n')
		at += int64(len(line))
		if err == bufio.ErrBufferFull {
			continue
		}
		if err != nil {
			return false
		}
		if mark, _ := rest.Peek(2); string(mark) != string(markSynced)+" " {
			continue
		}
		next := &scanner{file: s.file, size: s.size, at: at, r: bufio.NewReaderSize(io.NewSectionReader(s.file, at, s.size-at), bufferSize)}
		if _, _, _, ok := next.next(); ok && string(next.buffer) == fmt.Sprintf("\n%d\n", at) {
			return true
		}
	}
}
