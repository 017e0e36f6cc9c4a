package jupyter

import (
	"bytes"
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/user"
	"strconv"
	"sync"
	"sync/atomic"
	"time"
)

// ProtocolVersion is the version of the messaging specification that headers state.
const ProtocolVersion = "5.5"

// Header is a message's header; see "General message format" in the messaging specification.
type Header struct {
	ID       string `json:"msg_id"`
	Session  string `json:"session"`
	Username string `json:"username"`
	Date     string `json:"date"`
	Type     string `json:"msg_type"`
	Version  string `json:"version"`
	Subshell string `json:"subshell_id,omitempty"`
}

// Message is one message. Metadata and Content are JSON objects, kept as they came; nil is sent as {}.
type Message struct {
	Identities [][]byte // ROUTER identities of the peer, or the topic on iopub
	Header     Header
	Parent     Header // its zero value is sent as {}
	Metadata   json.RawMessage
	Content    json.RawMessage
	Buffers    [][]byte

	// Large is the content where it is too large for a Client's Options.Large; Content is nil then. It is a file without a name, which
	// the receiver closes.
	Large *Large

	Came time.Time // when a Client had read it
	Size int64     // of all its frames, in bytes, there

	from *peer // whose request this is, or answers: clients of one Jupyter session may share an identity
}

// Large is a part of a message that is kept in a file.
type Large struct {
	*io.SectionReader
	file *os.File
}

// Close gives the file's space back.
func (l *Large) Close() error { return l.file.Close() }

// Decode fills content from the message's content.
func (m *Message) Decode(content any) error {
	err := json.Unmarshal(m.Content, content)
	if e := (*json.UnmarshalTypeError)(nil); errors.As(err, &e) {
		what := "it"
		if e.Field != "" {
			what = e.Field
		}
		return fmt.Errorf("cellar: read content of %s: %s is a JSON %s", m.Header.Type, what, e.Value)
	}
	if err != nil {
		return fmt.Errorf("cellar: read content of %s: %w", m.Header.Type, err)
	}
	return nil
}

// Session makes the messages of one process: it names them, so that no two share an identifier.
type Session struct {
	ID    string
	count atomic.Uint64
}

// newSession makes a session with a random identifier.
func newSession() *Session { return &Session{ID: randomHex(16)} }

// New makes a message; content is anything that encodes as a JSON object.
func (s *Session) New(kind string, content any) (*Message, error) {
	raw, err := marshal(content)
	if err != nil {
		return nil, fmt.Errorf("cellar: encode content of %s: %w", kind, err)
	}
	return &Message{Header: s.Header(kind), Content: raw}, nil
}

// Header makes the header of a new message.
func (s *Session) Header(kind string) Header {
	return Header{
		ID:       s.ID + "_" + strconv.FormatUint(s.count.Add(1), 10),
		Session:  s.ID,
		Username: username(),
		Date:     time.Now().UTC().Format("2006-01-02T15:04:05.000000Z"),
		Type:     kind,
		Version:  ProtocolVersion,
	}
}

var username = sync.OnceValue(func() string {
	if u, err := user.Current(); err == nil && u.Username != "" {
		return u.Username
	}
	return "username"
})

var (
	delimiter   = []byte("<IDS|MSG>")
	emptyObject = []byte("{}")

	errTruncated = errors.New("cellar: jupyter message has too few frames")
)

// encode makes the frames of a message.
func encode(m *Message, s *signer) ([][]byte, error) {
	header, err := m.Header.write()
	if err != nil {
		return nil, err
	}
	parent := emptyObject
	if m.Parent.ID != "" {
		if parent, err = m.Parent.write(); err != nil {
			return nil, err
		}
	}
	metadata, content := []byte(m.Metadata), []byte(m.Content)
	if len(metadata) == 0 {
		metadata = emptyObject
	}
	if len(content) == 0 {
		content = emptyObject
	}
	frames := make([][]byte, 0, len(m.Identities)+6+len(m.Buffers))
	frames = append(frames, m.Identities...)
	frames = append(frames, delimiter, s.Sign(header, parent, metadata, content), header, parent, metadata, content)
	return append(frames, m.Buffers...), nil
}

// decode checks and reads the frames of a message. The signature is checked before anything is parsed. large is its content if that is
// not among the frames; it may be nil. before is the message before, much of which may be the same.
func decode(frames [][]byte, s *signer, large *Large, before *headers) (*Message, error) {
	at := frameIndex(frames, delimiter)
	if len(frames)-at < 6 {
		return nil, errTruncated
	}
	body := frames[at+1:]
	var more io.Reader
	if large != nil {
		more = io.NewSectionReader(large, 0, large.Size())
	}
	if err := s.verify(body[0], body[1:5], more); err != nil {
		return nil, err
	}
	m := &Message{Identities: frames[:at:at], Metadata: body[3], Content: body[4], Buffers: body[5:], Large: large}
	if err := m.Header.read(body[1], &before.own); err != nil {
		return nil, fmt.Errorf("cellar: read jupyter header: %w", err)
	}
	if m.Header.ID == "" || m.Header.Type == "" {
		return nil, errors.New("cellar: read jupyter header: msg_id or msg_type is missing")
	}
	before.own = m.Header
	var err error
	if m.Parent, err = before.readParent(body[2]); err != nil {
		return nil, fmt.Errorf("cellar: read parent header of %s: %w", m.Header.Type, err)
	}
	if !bytes.Equal(m.Metadata, emptyObject) && !json.Valid(m.Metadata) { // content is read, and answered, by those who know what it should be
		return nil, fmt.Errorf("cellar: read metadata of %s: it is not JSON", m.Header.Type)
	}
	return m, nil
}

// headers are those of the message that was read last.
type headers struct {
	own, parent Header
	raw         []byte // the parent's text: all that answers a request has the same
}

func (p *headers) readParent(raw []byte) (Header, error) {
	if len(raw) > 0 && bytes.Equal(raw, p.raw) {
		return p.parent, nil
	}
	var h Header
	if err := h.read(raw, &p.parent); err != nil {
		return h, err
	}
	p.raw, p.parent = raw, h
	return h, nil
}

// frameIndex is the index of a frame, the number of frames without.
func frameIndex(frames [][]byte, frame []byte) int {
	for i := range frames {
		if bytes.Equal(frames[i], frame) {
			return i
		}
	}
	return len(frames)
}

// contentFrame is how many frames after the delimiter the content comes.
const contentFrame = 5

// marshal is json.Marshal without the escapes that are of use in HTML only.
func marshal(v any) ([]byte, error) {
	if raw, ok := v.(json.RawMessage); ok {
		return raw, nil
	}
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		return nil, err
	}
	return bytes.TrimRight(b.Bytes(), "\n"), nil
}

func randomHex(n int) string {
	b := make([]byte, n)
	rand.Read(b) // never fails
	return hex.EncodeToString(b)
}
