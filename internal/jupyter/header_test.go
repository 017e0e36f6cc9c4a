package jupyter

import (
	"encoding/json"
	"testing"
)

// FuzzHeader: a header is read as encoding/json reads it, whatever came before, and what is written reads back.
func FuzzHeader(f *testing.F) {
	for _, text := range []string{
		`{"msg_id": "a_1", "session": "s", "username": "u", "date": "2026-01-01T00:00:00Z", "msg_type": "status", "version": "5.4"}`,
		`{"msg_id":"a","msg_id":"b","subshell_id":null}`, `{}`, ` { } `, `{"MSG_ID": "case", "other": [1]}`, `{"msg_id": "\u00e9", "date": "é"}`,
		`{"msg_id": 1}`, `{"msg_id": "a",}`, `{"msg_id": "a"} x`, `{"msg_id": nullx}`, `null`, `[]`, `{"date": "a" "b"}`, "", `{"date": "` + "\xff" + `"}`,
	} {
		f.Add([]byte(text), "status")
	}
	f.Add([]byte(`{"date": "a"}`), "\"\u00e9\\")
	f.Fuzz(func(t *testing.T, text []byte, before string) {
		var got, want Header
		err, wantErr := got.read(text, &Header{ID: before, Type: before}), json.Unmarshal(text, &want)
		if (err == nil) != (wantErr == nil) || err == nil && got != want {
			t.Errorf("%q: %+v, %v; encoding/json: %+v, %v", text, got, err, want, wantErr)
		}
		written, err := (&Header{ID: before, Type: before, Subshell: before}).write()
		if plain, _ := marshal(Header{ID: before, Type: before, Subshell: before}); err != nil || string(written) != string(plain) {
			t.Errorf("%q: wrote %s, %v", before, written, err)
		}
	})
}
