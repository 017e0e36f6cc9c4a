package jupyter

import (
	"bytes"
	"encoding/json"
)

// read fills a header from its JSON. All kernels send plain strings, for which encoding/json would take a large part of our time, and most are
// those of the message before, which are kept.
func (h *Header) read(raw []byte, before *Header) error {
	if h.readPlain(raw, before) {
		return nil
	}
	*h = Header{}
	return json.Unmarshal(raw, h)
}

// write is the header's JSON; by encoding/json only where something needs an escape.
func (h *Header) write() ([]byte, error) {
	b := make([]byte, 0, 256)
	for _, f := range [...]struct{ name, value string }{
		{`{"msg_id":"`, h.ID}, {`","session":"`, h.Session}, {`","username":"`, h.Username}, {`","date":"`, h.Date}, {`","msg_type":"`, h.Type},
		{`","version":"`, h.Version}, {`","subshell_id":"`, h.Subshell},
	} {
		if !needsNoEscape(f.value) {
			return marshal(h)
		}
		if f.value != "" || f.name != `","subshell_id":"` {
			b = append(append(b, f.name...), f.value...)
		}
	}
	return append(b, `"}`...), nil
}

// needsNoEscape reports whether a text is printable ASCII that needs no escape in JSON.
func needsNoEscape(s string) bool {
	for i := range len(s) {
		if s[i] < ' ' || s[i] >= 0x80 || s[i] == '"' || s[i] == '\\' {
			return false
		}
	}
	return true
}

// readPlain reads an object whose names it knows and whose values are strings without escapes, or null; false if it is anything else.
func (h *Header) readPlain(raw []byte, before *Header) bool {
	s := plainScanner{raw}
	if !s.take('{') {
		return false
	}
	for first := true; ; first = false {
		if first && s.take('}') {
			return s.end()
		}
		name, ok := s.text()
		if !ok || !s.take(':') {
			return false
		}
		field := h.field(name)
		if field == nil {
			return false
		}
		if value, ok := s.text(); ok {
			if *field = *before.field(name); *field != string(value) {
				*field = string(value)
			}
		} else if !s.null() {
			return false
		}
		switch {
		case s.take(','):
		case s.take('}'):
			return s.end()
		default:
			return false
		}
	}
}

func (h *Header) field(name []byte) *string {
	switch string(name) {
	case "msg_id":
		return &h.ID
	case "session":
		return &h.Session
	case "username":
		return &h.Username
	case "date":
		return &h.Date
	case "msg_type":
		return &h.Type
	case "version":
		return &h.Version
	case "subshell_id":
		return &h.Subshell
	}
	return nil
}

// plainScanner cuts tokens off a text; space before them is left out.
type plainScanner struct{ rest []byte }

func (s *plainScanner) space() {
	for len(s.rest) > 0 && (s.rest[0] == ' ' || s.rest[0] == '\t' || s.rest[0] == '\r' || s.rest[0] == '\n') {
		s.rest = s.rest[1:]
	}
}

func (s *plainScanner) end() bool { s.space(); return len(s.rest) == 0 }

func (s *plainScanner) take(c byte) bool {
	s.space()
	if len(s.rest) == 0 || s.rest[0] != c {
		return false
	}
	s.rest = s.rest[1:]
	return true
}

func (s *plainScanner) null() (ok bool) {
	s.rest, ok = bytes.CutPrefix(s.rest, []byte("null"))
	return ok
}

// text takes a string of printable ASCII.
func (s *plainScanner) text() ([]byte, bool) {
	s.space()
	if len(s.rest) == 0 || s.rest[0] != '"' {
		return nil, false
	}
	for i := 1; i < len(s.rest); i++ {
		switch c := s.rest[i]; {
		case c == '"':
			text := s.rest[1:i]
			s.rest = s.rest[i+1:]
			return text, true
		case c == '\\' || c < ' ' || c >= 0x80:
			return nil, false
		}
	}
	return nil, false
}
