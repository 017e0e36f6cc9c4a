package jupyter

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"hash"
	"io"
	"sync"

	"github.com/cellar-go/cellar/internal/fault"
)

// Errors of messages that are not what the key's owner sent.
var (
	ErrSignature = errors.New("cellar: jupyter message has a wrong signature")
	ErrReplay    = errors.New("cellar: jupyter message was received before")
)

// remembered is how many signatures are kept against replay; jupyter_client keeps as many.
const remembered = 1 << 16

// signer signs messages and verifies them, with HMAC-SHA256. An empty key switches both off, as the specification says.
type signer struct {
	key    []byte
	hashes sync.Pool // of hash.Hash with the key

	mu   sync.Mutex
	seen map[uint64]struct{} // the begins of signatures, which nobody without the key can choose
	ring []uint64            // the seen ones, oldest at next
	next int
}

// newSigner makes the signer of a connection.
func newSigner(c Connection) (*signer, error) {
	if c.Key != "" && c.SignatureScheme != "" && c.SignatureScheme != schemeSHA256 {
		return nil, fault.New(fault.Input, "use "+schemeSHA256, "connection file: signature_scheme %q is not supported", c.SignatureScheme)
	}
	key := []byte(c.Key)
	return &signer{
		key: key, seen: map[uint64]struct{}{},
		hashes: sync.Pool{New: func() any { return hmac.New(sha256.New, key) }},
	}, nil
}

// Sign returns the signature of a message's four JSON parts, in hexadecimal.
func (s *signer) Sign(parts ...[]byte) []byte {
	if len(s.key) == 0 {
		return nil
	}
	sum, _ := s.sum(parts, nil)
	return hex.AppendEncode(nil, sum[:])
}

// Verify checks a signature in constant time, and refuses one that was accepted before.
func (s *signer) Verify(signature []byte, parts ...[]byte) error {
	return s.verify(signature, parts, nil)
}

// verify is Verify of parts of which the last is followed by more, which may be nil.
func (s *signer) verify(signature []byte, parts [][]byte, more io.Reader) error {
	if len(s.key) == 0 {
		return nil
	}
	want, err := s.sum(parts, more)
	if err != nil {
		return err
	}
	got := make([]byte, sha256.Size)
	if len(signature) != hex.EncodedLen(len(got)) {
		return ErrSignature
	}
	if _, err := hex.Decode(got, signature); err != nil || !hmac.Equal(got, want[:]) {
		return ErrSignature
	}
	begin := binary.BigEndian.Uint64(want[:])
	s.mu.Lock()
	defer s.mu.Unlock()
	if _, again := s.seen[begin]; again {
		return ErrReplay
	}
	if len(s.ring) < remembered {
		s.ring = append(s.ring, begin)
	} else {
		delete(s.seen, s.ring[s.next])
		s.ring[s.next] = begin
		s.next = (s.next + 1) % remembered
	}
	s.seen[begin] = struct{}{}
	return nil
}

func (s *signer) sum(parts [][]byte, more io.Reader) (sum [sha256.Size]byte, err error) {
	h := s.hashes.Get().(hash.Hash)
	defer s.hashes.Put(h)
	h.Reset()
	for _, p := range parts {
		h.Write(p)
	}
	if more != nil {
		_, err = io.Copy(h, more)
	}
	h.Sum(sum[:0])
	return sum, err
}
